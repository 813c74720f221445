//! Descriptors for property tests.

use pagewise_lab_nt as nt;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::ace::ALL_FLAGS;
use super::{Ace, AceKind, Dacl, Descriptor, Sid};

pub(super) fn sid() -> impl Strategy<Value = Sid> {
    prop_oneof![
        prop::sample::select(vec![
            Sid::LOCAL_SYSTEM,
            Sid::ADMINISTRATORS,
            Sid::USERS,
            Sid::WORLD,
            Sid::AUTHENTICATED_USERS,
            Sid::OWNER_RIGHTS,
        ]),
        (0u64..1 << 48, vec(any::<u32>(), 0..=15))
            .prop_map(|(authority, subs)| Sid::new(authority, &subs).unwrap()),
    ]
}

pub(super) fn ace() -> impl Strategy<Value = Ace> {
    let kind = prop_oneof![Just(AceKind::Allow), Just(AceKind::Deny)];
    (kind, 0..=ALL_FLAGS, any::<u32>(), sid()).prop_map(|(kind, flags, mask, sid)| Ace {
        kind,
        flags,
        mask,
        sid,
    })
}

fn dacl() -> impl Strategy<Value = Dacl> {
    let control =
        (nt::SE_DACL_PROTECTED | nt::SE_DACL_AUTO_INHERIT_REQ | nt::SE_DACL_AUTO_INHERITED) as u16;
    (any::<u16>(), option::weighted(0.9, vec(ace(), 0..6)))
        .prop_map(move |(bits, entries)| Dacl { control: bits & control, entries })
}

pub(super) fn descriptor() -> impl Strategy<Value = Descriptor> {
    (option::of(sid()), option::of(sid()), option::weighted(0.9, dacl()))
        .prop_map(|(owner, group, dacl)| Descriptor { owner, group, dacl })
}
