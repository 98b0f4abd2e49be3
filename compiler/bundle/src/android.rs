//! For apps on Android: an AAR with a library an ABI and a class, and an example project.

mod class;
mod jni;
mod project;

use crate::abi::of_name;
use crate::zip::zip;
use crate::{Arch, Bundle, Input, Slice, dispatch, internal, link};
use class::Class;
use mcompc_ir::{Code, Error, Result};
use mcompc_package::File;
use mcompc_target::Target;

pub(crate) const BUNDLE: Bundle = Bundle {
    name: "android",
    doc: "AAR with arm64-v8a, armeabi-v7a and x86_64, a class for Java and Kotlin, an example project",
    target: || Target::by_name("aarch64-dotprod"),
    abis: |t| match t {
        Some(t) => Err(Error::new(Code::Usage, format!("--bundle android is for all of Android's CPUs, --target {} for one", t.name))
            .hint("leave out --target; --bundle linux makes a library for the CPUs of one ABI")),
        None => ["aarch64", "arm", "x86_64"].into_iter().map(of_name).collect(),
    },
    files,
};

/// Android's name of an ABI.
fn android(arch: Arch) -> Result<&'static str> {
    Ok(match arch {
        Arch::Aarch64 => "arm64-v8a",
        Arch::Arm => "armeabi-v7a",
        Arch::X86_64 => "x86_64",
        Arch::MachO => return Err(internal("no ABI of Android's")),
    })
}

fn files(input: &Input) -> Result<Vec<File>> {
    let p = &input.package;
    let class = Class::of(&p.name);
    let manifest = format!(
        "<manifest xmlns:android=\"http://schemas.android.com/apk/res/android\" package=\"{}\">\n    \
         <uses-sdk android:minSdkVersion=\"21\" />\n</manifest>\n",
        class.package
    );
    // The library finds its natives by the names of class and methods.
    let rules = format!("-keep class {}.{} {{ native <methods>; }}\n", class.package, class.name);
    let text = |path: &str, text: String| (path.to_owned(), text.into_bytes());
    let mut aar = vec![
        text("AndroidManifest.xml", manifest),
        text("R.txt", String::new()),
        text("proguard.txt", rules),
        text("META-INF/com/android/build/gradle/aar-metadata.properties", "aarFormatVersion=1.0\naarMetadataVersion=1.0\n".into()),
        ("classes.jar".into(), zip(&class.classes()?)),
    ];
    for slice in &input.slices {
        aar.push((format!("jni/{}/{}", android(slice.abi.arch)?, class.library()), library(input, slice, &class)?));
    }
    let mut out = vec![File::new(format!("{}.aar", p.name), zip(&aar)), File::new(format!("java/{}.java", class.name), class.source())];
    out.extend(project::files(&class, &p.name));
    Ok(out)
}

/// The shared object of an ABI.
fn library(input: &Input, slice: &Slice, class: &Class) -> Result<Vec<u8>> {
    let name = &input.package.name;
    let mut objects = dispatch::objects(slice, name, &crate::info(&input.package))?;
    objects.push(("jni.o".into(), jni::object(&input.package, slice.abi.arch, class)?));
    let exports = ["run", "variant", "info"].map(|s| format!("{name}_{s}"));
    let exports: Vec<String> = exports.into_iter().chain(jni::NATIVES.iter().map(|n| class.symbol(n.1))).collect();
    link::shared_object(&objects, &exports, &class.library())
}
