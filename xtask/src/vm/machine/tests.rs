use std::path::{Path, PathBuf};

use super::*;

fn spec(chipset: Chipset, boot: Boot) -> Spec {
    let disk = |name: &str, format| Disk { path: PathBuf::from(name), format, throw_away: true };
    Spec {
        accelerator: Accelerator::Tcg { why: String::new() },
        chipset,
        boot,
        memory_mib: 2048,
        processors: 2,
        nested: false,
        disks: vec![disk("/r/a,b.qcow2", Format::Qcow2), disk("/r/hand-over.img", Format::Raw)],
        cds: vec![PathBuf::from("/iso/windows.iso")],
        stick: None,
        vnc: false,
        line: PathBuf::from("/s/line"),
        monitor: PathBuf::from("/s/monitor"),
        console: PathBuf::from("/r/console.log"),
    }
}

fn line(spec: &Spec) -> String {
    let command = spec.command().unwrap();
    let words = command.get_args().map(|word| word.to_str().unwrap());
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn windows_gets_ahci_disks_one_a_bus() {
    let line = line(&spec(Chipset::Q35, Boot::Bios));
    for part in [
        "-machine q35",
        "-cpu Nehalem -smp 2 -m 2048",
        "-nic none",
        "id=disk0,cache=unsafe,format=qcow2,file=/r/a,,b.qcow2",
        "ide-hd,drive=disk0,bus=ide.0,bootindex=0",
        "ide-hd,drive=disk1,bus=ide.1,bootindex=1",
        "ide-cd,drive=cd2,bus=ide.2,bootindex=2",
        "socket,id=line,path=/s/line -device isa-serial,chardev=line,index=0",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    // A guest that restarts must be able to.
    assert!(!line.contains("no-reboot") && !line.contains("pflash"), "{line}");
}

#[test]
fn a_disk_that_is_kept_heeds_the_guests_flushes() {
    let mut spec = spec(Chipset::Q35, Boot::Bios);
    spec.disks[0].throw_away = false;
    let line = line(&spec);
    assert!(line.contains("id=disk0,cache=writeback"), "{line}");
    assert!(line.contains("id=disk1,cache=unsafe"), "{line}");
}

#[test]
fn an_old_board_has_two_disks_a_bus() {
    let line = line(&spec(Chipset::Pc, Boot::Bios));
    assert!(line.contains("drive=disk1,bus=ide.0,unit=1"), "{line}");
    assert!(line.contains("drive=cd2,bus=ide.1,unit=0"), "{line}");
}

#[test]
fn memory_integrity_gets_the_processor_as_it_is() {
    let mut spec = spec(Chipset::Q35, Boot::Bios);
    spec.accelerator = Accelerator::Kvm;
    assert!(line(&spec).contains("-cpu host,hv-relaxed,hv-time "));
    spec.nested = true;
    assert!(line(&spec).contains("-cpu host "));
}

#[test]
fn firmware_and_kernels_are_handed_over() {
    let (code, variables) = (PathBuf::from("/f/CODE.fd"), PathBuf::from("/r/VARS.fd"));
    let uefi = line(&spec(Chipset::Q35, Boot::Uefi { code, variables }));
    assert!(uefi.contains("if=pflash,format=raw,unit=0,readonly=on,file=/f/CODE.fd"), "{uefi}");
    assert!(uefi.contains("if=pflash,format=raw,unit=1,file=/r/VARS.fd"), "{uefi}");
    let kernel = Boot::Kernel {
        image: PathBuf::from("/k/vmlinuz"),
        initrd: PathBuf::from("/k/initrd"),
        append: "console=ttyS1 panic=-1".to_owned(),
    };
    let line = line(&spec(Chipset::Pc, kernel));
    assert!(line.contains("-kernel /k/vmlinuz -initrd /k/initrd -append console=ttyS1 panic=-1"));
}

#[test]
fn setup_finds_its_answers_on_a_stick_that_can_be_removed() {
    let mut spec = spec(Chipset::Q35, Boot::Bios);
    assert!(!line(&spec).contains("usb") && !line(&spec).contains("vnc"));
    spec.stick = Some(PathBuf::from("/b/stick.img"));
    spec.vnc = true;
    let line = line(&spec);
    assert!(line.contains("usb-storage,drive=stick,removable=on"), "{line}");
    assert!(line.contains("-vnc 127.0.0.1:0"), "{line}");
}

#[test]
fn an_empty_path_is_refused() {
    assert!(escaped(Path::new("")).is_err());
}

#[test]
fn what_is_held_runs_in_a_group_of_its_own() {
    let command = held("true");
    assert_eq!(command.get_program(), "setpriv");
    let words: Vec<_> = command.get_args().collect();
    assert_eq!(words, ["--pdeathsig", "KILL", "--", "true"]);
}
