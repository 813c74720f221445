//! The access check.
//!
//! Pages: wdm/nf-wdm-seaccesscheck,
//! learn.microsoft.com/windows/win32/secauthz/how-dacls-control-access-to-an-object; the algorithm is
//! in MS-DTYP 2.5.3.2.

use pagewise_lab_nt as nt;
use pagewise_lab_wire::Token;

use super::ace::{AceKind, INHERIT_ONLY};
use super::rights::{SYSTEM_SECURITY, map_generic};
use super::{Descriptor, Sid};

/// What an owner may always do, unless an entry for OW says otherwise.
const OWNER_IMPLIED: u32 = nt::READ_CONTROL | nt::WRITE_DAC;

/// Standard and specific rights.
const ORDINARY: u32 = nt::STANDARD_RIGHTS_ALL | 0xffff;

/// The SIDs of a token.
fn sids(token: Token) -> &'static [Sid] {
    use Sid as S;
    match token {
        Token::System => &[S::LOCAL_SYSTEM, S::ADMINISTRATORS, S::WORLD, S::AUTHENTICATED_USERS],
        Token::Administrator => &[S::ADMINISTRATORS, S::WORLD, S::AUTHENTICATED_USERS, S::USERS],
        Token::User => &[S::USERS, S::WORLD, S::AUTHENTICATED_USERS],
    }
}

/// Whether `token` may have `desired` of a device with this descriptor; the rights it then has, none
/// of them generic. With `MAXIMUM_ALLOWED` these are all that it may have, else what was desired.
///
/// Entries count in the order in which they stand: the first that allows or denies a right decides
/// it. A null DACL, and none, allow everything; an empty one allows nothing. No token of the lab
/// holds a privilege, and none is restricted; integrity levels are not modelled.
///
/// # Errors
/// `STATUS_ACCESS_DENIED`; `STATUS_PRIVILEGE_NOT_HELD` where `ACCESS_SYSTEM_SECURITY` is desired.
///
/// # IRQL
/// `PASSIVE_LEVEL`.
pub fn access_check(descriptor: &Descriptor, token: Token, desired: u32) -> Result<u32, i32> {
    let desired = map_generic(desired);
    if desired & SYSTEM_SECURITY != 0 {
        return Err(nt::STATUS_PRIVILEGE_NOT_HELD);
    }
    let maximum = desired & nt::MAXIMUM_ALLOWED != 0;
    let desired = desired & !nt::MAXIMUM_ALLOWED;
    let allowed = allowed(descriptor, sids(token));
    if desired & !allowed.unwrap_or(u32::MAX) != 0 {
        return Err(nt::STATUS_ACCESS_DENIED);
    }
    match (maximum, allowed) {
        (false, _) => Ok(desired),
        (true, None) => Ok(desired | nt::FILE_ALL_ACCESS),
        (true, Some(0)) => Err(nt::STATUS_ACCESS_DENIED),
        (true, Some(allowed)) => Ok(allowed),
    }
}

/// The rights that the descriptor gives to whoever has these SIDs; `None`: there is no bound.
fn allowed(descriptor: &Descriptor, sids: &[Sid]) -> Option<u32> {
    let entries = descriptor.dacl()?.entries()?;
    let owns = descriptor.owner().is_some_and(|owner| sids.contains(owner));
    let entries = || entries.iter().filter(|entry| entry.flags() & INHERIT_ONLY == 0);
    let owner_rights = entries().any(|entry| *entry.sid() == Sid::OWNER_RIGHTS);
    let mut allowed = if owns && !owner_rights { OWNER_IMPLIED } else { 0 };
    let mut denied = 0;
    for entry in entries() {
        let applies = sids.contains(entry.sid()) || owns && *entry.sid() == Sid::OWNER_RIGHTS;
        if !applies {
            continue;
        }
        // The special bits are requests, and nothing that an entry could give.
        let mask = map_generic(entry.mask()) & ORDINARY;
        match entry.kind() {
            AceKind::Allow => allowed |= mask & !denied,
            AceKind::Deny => denied |= mask & !allowed,
        }
    }
    Some(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::strategy;
    use super::*;

    const READ: u32 = nt::FILE_GENERIC_READ;
    const DENIED: Result<u32, i32> = Err(nt::STATUS_ACCESS_DENIED);

    fn check(sddl: &str, token: Token, desired: u32) -> Result<u32, i32> {
        access_check(&Descriptor::from_sddl(sddl).unwrap(), token, desired)
    }

    /// For the system, an administrator and a user.
    fn checks(sddl: &str, desired: u32) -> [Result<u32, i32>; 3] {
        [Token::System, Token::Administrator, Token::User].map(|token| check(sddl, token, desired))
    }

    #[test]
    fn the_drivers_descriptor_is_for_system_and_administrators() {
        let sddl = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";
        let both = nt::GENERIC_READ | nt::GENERIC_WRITE;
        let granted = Ok(nt::FILE_GENERIC_READ | nt::FILE_GENERIC_WRITE);
        assert_eq!(checks(sddl, both), [granted, granted, DENIED]);
        assert_eq!(checks(sddl, nt::FILE_READ_DATA), [Ok(1), Ok(1), DENIED]);
    }

    #[test]
    fn reading_does_not_allow_writing() {
        let sddl = "D:P(A;;GA;;;SY)(A;;GR;;;WD)";
        assert_eq!(checks(sddl, nt::GENERIC_READ), [Ok(READ); 3]);
        let write = nt::FILE_WRITE_DATA;
        assert_eq!(checks(sddl, write), [Ok(write), DENIED, DENIED]);
        assert_eq!(checks(sddl, nt::GENERIC_READ | write)[1..], [DENIED; 2]);
    }

    #[test]
    fn entries_count_in_their_order() {
        let read = nt::GENERIC_READ;
        assert_eq!(checks("D:(D;;GA;;;BU)(A;;GA;;;AU)", read), [Ok(READ), DENIED, DENIED]);
        assert_eq!(checks("D:(A;;GA;;;AU)(D;;GA;;;BU)", read), [Ok(READ); 3]);
        // Denying some of it denies the whole.
        let sddl = "D:(D;;0x1;;;BU)(A;;GA;;;AU)";
        assert_eq!(check(sddl, Token::User, read), DENIED);
        assert_eq!(check(sddl, Token::User, nt::FILE_READ_EA), Ok(nt::FILE_READ_EA));
        // Several entries together allow what none of them does alone.
        let sddl = "D:(A;;0x1;;;BU)(A;;0x2;;;AU)";
        assert_eq!(check(sddl, Token::User, 3), Ok(3));
        assert_eq!(check(sddl, Token::System, 3), DENIED);
    }

    #[test]
    fn a_null_dacl_allows_and_an_empty_one_denies() {
        for open in ["D:NO_ACCESS_CONTROL", "O:BA"] {
            assert_eq!(checks(open, nt::GENERIC_ALL), [Ok(nt::FILE_ALL_ACCESS); 3]);
            assert_eq!(checks(open, nt::MAXIMUM_ALLOWED), [Ok(nt::FILE_ALL_ACCESS); 3]);
        }
        assert_eq!(checks("D:P", nt::FILE_READ_DATA), [DENIED; 3]);
        assert_eq!(checks("D:P", nt::MAXIMUM_ALLOWED), [DENIED; 3]);
    }

    #[test]
    fn an_entry_that_is_to_be_inherited_only_says_nothing_here() {
        assert_eq!(check("D:(A;IO;GA;;;WD)", Token::User, 1), DENIED);
        assert_eq!(check("D:(D;CIIO;GA;;;WD)(A;CI;GA;;;WD)", Token::User, 1), Ok(1));
    }

    #[test]
    fn owners_may_read_and_change_the_dacl() {
        assert_eq!(
            checks("O:BAD:P", OWNER_IMPLIED),
            [Ok(OWNER_IMPLIED), Ok(OWNER_IMPLIED), DENIED]
        );
        assert_eq!(check("O:BAD:P", Token::System, nt::WRITE_OWNER), DENIED);
        // Unless they are told what they may.
        let sddl = "O:BAD:P(A;;RC;;;OW)";
        assert_eq!(check(sddl, Token::System, nt::READ_CONTROL), Ok(nt::READ_CONTROL));
        assert_eq!(check(sddl, Token::System, nt::WRITE_DAC), DENIED);
        assert_eq!(check(sddl, Token::User, nt::READ_CONTROL), DENIED);
    }

    #[test]
    fn the_maximum_is_what_entries_allow() {
        let sddl = "D:(D;;FW;;;BU)(A;;GA;;;WD)";
        let rest = nt::FILE_ALL_ACCESS & !nt::FILE_GENERIC_WRITE;
        assert_eq!(check(sddl, Token::User, nt::MAXIMUM_ALLOWED), Ok(rest));
        assert_eq!(check(sddl, Token::System, nt::MAXIMUM_ALLOWED), Ok(nt::FILE_ALL_ACCESS));
        let and_write = nt::MAXIMUM_ALLOWED | nt::FILE_WRITE_DATA;
        assert_eq!(check(sddl, Token::User, and_write), DENIED);
    }

    #[test]
    fn the_system_acl_needs_a_privilege() {
        let desired = SYSTEM_SECURITY | 1;
        assert_eq!(checks("D:NO_ACCESS_CONTROL", desired), [Err(nt::STATUS_PRIVILEGE_NOT_HELD); 3]);
    }

    proptest! {
        /// MS-DTYP goes through the entries and crosses off what is still wanted; here each right is
        /// followed by itself.
        #[test]
        fn each_right_is_decided_by_the_first_entry_about_it(
            entries in prop::collection::vec(strategy::ace(), 0..5),
            number in 0u32..3,
            desired: u32,
        ) {
            let token = Token::from_u32(number).unwrap();
            let desired = map_generic(desired) & ORDINARY;
            let decided = |bit: u32| {
                entries.iter().find(|entry| {
                    sids(token).contains(&entry.sid)
                        && entry.flags & INHERIT_ONLY == 0
                        && map_generic(entry.mask) & bit != 0
                })
            };
            let granted = (0..32).map(|shift| 1 << shift).filter(|bit| desired & bit != 0).all(|bit| {
                decided(bit).is_some_and(|entry| entry.kind == AceKind::Allow)
            });
            let text: String = entries.iter().map(ToString::to_string).collect();
            let expected = if granted { Ok(desired) } else { DENIED };
            prop_assert_eq!(check(&format!("D:{text}"), token, desired), expected);
        }
    }
}
