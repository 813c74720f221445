//! Registers of an interrupted thread, by the decoder's names.

use iced_x86::Register;

use crate::bugcheck::PLACES;

/// The whole register that `register` is or is part of; nothing for others than general ones.
pub(super) fn get(context: &libc::mcontext_t, register: Register) -> Option<u64> {
    Some(context.gregs[place(register)?].cast_unsigned())
}

/// Writes a register as an instruction does: 32 bits clear the upper half, 8 and 16 leave the rest.
/// False for others than general registers, and for AH to BH.
pub(super) fn set(context: &mut libc::mcontext_t, register: Register, value: u64) -> bool {
    let Some(place) = place(register) else { return false };
    let old = context.gregs[place].cast_unsigned();
    let new = match register.size() {
        8 => value,
        4 => value & 0xffff_ffff,
        2 => old & !0xffff | value & 0xffff,
        _ => old & !0xff | value & 0xff,
    };
    context.gregs[place] = new.cast_signed();
    true
}

fn place(register: Register) -> Option<usize> {
    if matches!(register, Register::AH | Register::BH | Register::CH | Register::DH) {
        return None;
    }
    let number = register.is_gpr().then(|| register.full_register().number())?;
    PLACES.get(number).map(|place| *place as usize)
}

#[cfg(test)]
pub(super) fn empty() -> libc::mcontext_t {
    // SAFETY: all zeroes is a valid context: numbers, and a null pointer.
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_is_written_as_instructions_do() {
        let mut context = empty();
        for (register, wanted) in [
            (Register::R9, u64::MAX),
            (Register::R9D, 0x1111_1111),
            (Register::R9W, 0x1111_2222),
            (Register::R9L, 0x1111_2233),
        ] {
            let value = match register.size() {
                8 => u64::MAX,
                4 => 0xffff_ffff_1111_1111,
                2 => 0xffff_2222,
                _ => 0xff33,
            };
            assert!(set(&mut context, register, value));
            assert_eq!(get(&context, Register::R9), Some(wanted), "{register:?}");
        }
        assert!(!set(&mut context, Register::AH, 1));
        assert!(!set(&mut context, Register::XMM0, 1));
    }

    #[test]
    fn every_general_register_has_a_place_of_its_own() {
        let all = [
            Register::RAX,
            Register::RCX,
            Register::RDX,
            Register::RBX,
            Register::RSP,
            Register::RBP,
            Register::RSI,
            Register::RDI,
            Register::R8,
            Register::R9,
            Register::R10,
            Register::R11,
            Register::R12,
            Register::R13,
            Register::R14,
            Register::R15,
        ];
        let mut context = empty();
        for (value, register) in (1..).zip(all) {
            assert!(set(&mut context, register, value));
        }
        for (value, register) in (1..).zip(all) {
            assert_eq!(get(&context, register), Some(value), "{register:?}");
        }
        assert_eq!(context.gregs[libc::REG_RDX as usize], 3);
    }
}
