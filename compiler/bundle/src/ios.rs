//! For apps on Apple's systems: an xcframework with static libraries, and a Swift package with a class.

mod swift;

use crate::abi::of_name;
use crate::{Bundle, Input, Slice, internal};
use mcompc_ir::{Code, Error, Result};
use mcompc_package::{File, Names, archive, c_header};
use mcompc_target::Target;

/// Libraries of the xcframework: folder, platform, its variant, targets.
const LIBRARIES: [(&str, &str, &str, &[&str]); 3] = [
    ("ios-arm64", "ios", "", &["aarch64-apple-ios"]),
    ("ios-arm64_x86_64-simulator", "ios", "simulator", &["aarch64-apple-ios-sim", "x86_64-apple-ios-sim"]),
    ("macos-arm64_x86_64", "macos", "", &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
];

pub(crate) const BUNDLE: Bundle = Bundle {
    name: "ios",
    doc: "xcframework for iOS, its simulator and macOS, and a Swift package with a class",
    target: || Target::by_name("aarch64-apple-ios"),
    abis: |t| match t {
        Some(t) => Err(Error::new(Code::Usage, format!("--bundle ios is for all of Apple's CPUs, --target {} for one", t.name))
            .hint("leave out --target, or leave out --bundle for the library of one CPU")),
        None => LIBRARIES.iter().flat_map(|l| l.3).map(|n| of_name(n)).collect(),
    },
    files,
};

/// Mach-O's numbers of a CPU and its subtype.
type Cpu = [u32; 2];

fn cpu(target: &Target) -> Cpu {
    if target.arch() == "x86_64" { [0x0100_0007, 3] } else { [0x0100_000c, 0] }
}

fn files(input: &Input) -> Result<Vec<File>> {
    let (p, name) = (&input.package, &input.package.name);
    let module = format!("C{name}");
    let root = format!("{module}.xcframework");
    let slice = |target: &&str| {
        let found = input.slices.iter().find(|s| s.variants.iter().any(|v| v.target.name == **target));
        found.ok_or_else(|| internal(format!("nothing was made for {target}")))
    };
    let mut out = vec![File::new(format!("{root}/Info.plist"), plist(name, &module))];
    for (folder, _, _, targets) in LIBRARIES {
        let slices = targets.iter().map(slice).collect::<Result<Vec<_>>>()?;
        out.push(File::new(format!("{root}/{folder}/lib{name}.a"), library(name, &slices)?));
        // A folder of the module's own: Xcode puts the headers of all frameworks of an app into one.
        out.push(File::new(format!("{root}/{folder}/Headers/{module}/{name}.h"), c_header(p)));
        let map = format!("module {module} {{\n    header \"{name}.h\"\n    export *\n}}\n");
        out.push(File::new(format!("{root}/{folder}/Headers/{module}/module.modulemap"), map));
    }
    out.extend(swift::files(p, &Names::new(name, &p.inputs, &p.outputs), &module));
    Ok(out)
}

/// A static library, universal where there are several CPUs.
fn library(name: &str, slices: &[&Slice]) -> Result<Vec<u8>> {
    let mut parts = Vec::new();
    for v in slices.iter().flat_map(|s| &s.variants) {
        parts.push((cpu(&v.target), archive(name, &v.object)?));
    }
    match <[_; 1]>::try_from(parts) {
        Ok([(_, one)]) => Ok(one),
        Err(parts) => universal(&parts),
    }
}

/// Files for several CPUs in one (`fat.h` of Mach-O), numbers big-endian, each file at a multiple of 8.
fn universal(parts: &[(Cpu, Vec<u8>)]) -> Result<Vec<u8>> {
    const ALIGN: u32 = 3;
    let mut out = [0xcafe_babe_u32, parts.len() as u32].map(u32::to_be_bytes).concat();
    let mut at = 8 + 20 * parts.len();
    for ([cpu, subtype], bytes) in parts {
        at = at.next_multiple_of(1 << ALIGN);
        let (offset, size) = (u32::try_from(at).map_err(internal)?, u32::try_from(bytes.len()).map_err(internal)?);
        out.extend([*cpu, *subtype, offset, size, ALIGN].map(u32::to_be_bytes).concat());
        at += bytes.len();
    }
    for (_, bytes) in parts {
        out.resize(out.len().next_multiple_of(1 << ALIGN), 0);
        out.extend(bytes);
    }
    Ok(out)
}

fn plist(name: &str, module: &str) -> String {
    let one = |(folder, platform, variant, targets): &(&str, &str, &str, &[&str])| {
        let names = targets.iter().map(|t| if t.starts_with("x86_64") { "x86_64" } else { "arm64" });
        let architectures: String = names.map(|a| format!("                <string>{a}</string>\n")).collect();
        let variant = match *variant {
            "" => String::new(),
            v => format!("            <key>SupportedPlatformVariant</key>\n            <string>{v}</string>\n"),
        };
        format!(
            "        <dict>\n            <key>HeadersPath</key>\n            <string>Headers</string>\n            \
             <key>LibraryIdentifier</key>\n            <string>{folder}</string>\n            \
             <key>LibraryPath</key>\n            <string>lib{name}.a</string>\n            \
             <key>SupportedArchitectures</key>\n            <array>\n{architectures}            </array>\n            \
             <key>SupportedPlatform</key>\n            <string>{platform}</string>\n{variant}        </dict>\n"
        )
    };
    let all: String = LIBRARIES.iter().map(one).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- {module}, written by mcompc -->\n<plist version=\"1.0\">\n<dict>\n    <key>AvailableLibraries</key>\n    <array>\n{all}    </array>\n    \
         <key>CFBundlePackageType</key>\n    <string>XFWK</string>\n    <key>XCFrameworkFormatVersion</key>\n    <string>1.0</string>\n\
         </dict>\n</plist>\n"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_universal_file_says_where_its_parts_are() {
        let parts = [([0x0100_000c, 0], vec![1; 5]), ([0x0100_0007, 3], vec![2; 9])];
        let fat = super::universal(&parts).unwrap();
        let word = |at: usize| u32::from_be_bytes(fat[at..at + 4].try_into().unwrap());
        assert_eq!([word(0), word(4)], [0xcafe_babe, 2]);
        for (i, ([cpu, subtype], bytes)) in parts.iter().enumerate() {
            let h = 8 + 20 * i;
            assert_eq!([word(h), word(h + 4), word(h + 12)], [*cpu, *subtype, bytes.len() as u32]);
            let at = word(h + 8) as usize;
            assert_eq!((at % 8, &fat[at..at + bytes.len()]), (0, &bytes[..]));
        }
    }
}
