//! An example: a project for Gradle whose instrumented test runs the model on a device.

use super::class::Class;
use mcompc_package::File;

pub(crate) fn files(class: &Class, name: &str) -> Vec<File> {
    let (package, class) = (&class.package, &class.name);
    let file = |path: &str, text: String| File::new(format!("example-android/{path}"), text);
    vec![
        file(
            "settings.gradle.kts",
            "pluginManagement { repositories { google(); mavenCentral(); gradlePluginPortal() } }\n\
             dependencyResolutionManagement { repositories { google(); mavenCentral() } }\n\
             rootProject.name = \"example\"\ninclude(\":app\")\n"
                .into(),
        ),
        file(
            "build.gradle.kts",
            "plugins {\n    id(\"com.android.application\") version \"8.5.0\" apply false\n    \
             id(\"org.jetbrains.kotlin.android\") version \"1.9.24\" apply false\n}\n"
                .into(),
        ),
        file("gradle.properties", "android.useAndroidX=true\n".into()),
        file(
            "app/build.gradle.kts",
            format!(
                "plugins {{\n    id(\"com.android.application\")\n    id(\"org.jetbrains.kotlin.android\")\n}}\n\n\
                 android {{\n    namespace = \"{package}.example\"\n    compileSdk = 34\n    defaultConfig {{\n        \
                 applicationId = \"{package}.example\"\n        minSdk = 21\n        targetSdk = 34\n        \
                 testInstrumentationRunner = \"androidx.test.runner.AndroidJUnitRunner\"\n    }}\n    \
                 kotlinOptions {{ jvmTarget = \"1.8\" }}\n}}\n\n\
                 dependencies {{\n    implementation(files(\"../../{name}.aar\"))\n    \
                 androidTestImplementation(\"androidx.test:runner:1.5.2\")\n    androidTestImplementation(\"androidx.test.ext:junit:1.1.5\")\n}}\n"
            ),
        ),
        file("app/src/main/AndroidManifest.xml", "<manifest xmlns:android=\"http://schemas.android.com/apk/res/android\">\n    <application android:label=\"example\" />\n</manifest>\n".into()),
        file(
            "app/src/main/kotlin/Net.kt",
            format!(
                "package {package}.example\n\nimport {package}.{class}\nimport java.nio.ByteBuffer\n\n\
                 /** The model in Kotlin's way: reals, codes, or the codes in place. Every thread needs an object of its own. */\n\
                 class Net(private val model: {class} = {class}()) {{\n    \
                 val variant: String get() = model.variant()\n\n    \
                 /** One inference on reals: an array an input. */\n    \
                 operator fun invoke(vararg reals: FloatArray): List<FloatArray> = model.run(*reals).asList()\n\n    \
                 /** One inference on codes: an array of bytes an input. */\n    \
                 fun codes(vararg codes: ByteArray): List<ByteArray> {{\n        \
                 codes.forEachIndexed {{ i, c -> model.input(i).setCodes(c) }}\n        model.run()\n        \
                 return List(model.outputs()) {{ model.output(it).codes }}\n    }}\n\n    \
                 /** Memory of an input, to be filled before [run]: a camera's bytes get there without a copy. */\n    \
                 fun input(i: Int): ByteBuffer = model.input(i).codes()\n\n    \
                 /** Memory of an output, as [run] left it. */\n    fun output(i: Int): ByteBuffer = model.output(i).codes()\n\n    \
                 fun run() = model.run()\n}}\n"
            ),
        ),
        file(
            "app/src/androidTest/kotlin/NetTest.kt",
            format!(
                "package {package}.example\n\nimport {package}.{class}\nimport androidx.test.ext.junit.runners.AndroidJUnit4\n\
                 import org.junit.Assert.assertArrayEquals\nimport org.junit.Assert.assertTrue\nimport org.junit.Test\nimport org.junit.runner.RunWith\n\n\
                 @RunWith(AndroidJUnit4::class)\nclass NetTest {{\n    @Test fun runs() {{\n        val model = {class}()\n        \
                 assertTrue(model.variant().isNotEmpty())\n        model.run()\n        val first = model.output(0).codes\n        \
                 model.run()\n        assertArrayEquals(first, model.output(0).codes)\n    }}\n}}\n"
            ),
        ),
    ]
}
