//! The contract's structures, as a client reads them from a driver it does not trust.

use pagewise_contract::{
    BallastRegion, CONTRACT, Ioctl, PAGE_SIZE, PagingAction, Section, Sections, State, TouchKind,
    VersionReply, residency,
};
use zerocopy::{FromBytes as _, IntoBytes as _};

/// Any bytes of the right length are a structure, and none of its numbers reaches beyond it.
///
/// # Panics
/// Where that does not hold.
pub fn run(data: &[u8]) {
    codes(data);
    if let Ok((sections, _)) = Sections::read_from_prefix(data) {
        assert!(sections.records().len() <= pagewise_contract::MAX_SECTIONS);
        sections.records().iter().for_each(section);
        assert_eq!(sections.as_bytes(), &data[..size_of::<Sections>()]);
    }
    if let Ok((state, _)) = State::read_from_prefix(data) {
        assert_eq!(
            state.policy().map(|policy| policy as u32 == state.policy),
            state.policy().map(|_| true)
        );
        assert!(state.returned().is_none_or(|returned| returned as u32 == state.returned));
    }
    if let Ok((version, _)) = VersionReply::read_from_prefix(data) {
        let accepted = CONTRACT.accepts(version.contract);
        assert!(!accepted || version.contract.major == CONTRACT.major);
    }
    if let Ok((header, bitmap)) = residency::Header::read_from_prefix(data) {
        bits(&header, bitmap);
    }
}

fn section(section: &Section) {
    assert!(section.name().len() <= section.name.len());
    assert!(!section.name().contains('\0'));
    assert!(section.kind().is_none_or(|kind| kind as u32 == section.kind));
}

fn bits(header: &residency::Header, bitmap: &[u8]) {
    let room = bitmap.len() * 8;
    for index in [0, room.saturating_sub(1), room, header.pages as usize, usize::MAX] {
        assert_eq!(residency::is_resident(bitmap, index).is_some(), index < room, "bit {index}");
    }
    let bytes = residency::reply_bytes(header.pages) - size_of::<residency::Header>();
    assert!(bytes * 8 >= header.pages as usize && bytes <= header.pages as usize / 8 + 1);
}

/// Numbers and what they name map both ways.
fn codes(data: &[u8]) {
    let Some((number, rest)) = data.split_first_chunk() else { return };
    let number = u32::from_le_bytes(*number);
    assert!(Ioctl::from_code(number).is_none_or(|ioctl| ioctl.code() == number));
    assert!(PagingAction::from_u32(number).is_none_or(|it| it as u32 == number));
    assert!(TouchKind::from_u32(number).is_none_or(|it| it as u32 == number));
    let Some(region) = BallastRegion::from_u32(number) else { return };
    assert_eq!(region as u32, number);
    let index = usize::from(rest.first().copied().unwrap_or_default()) * PAGE_SIZE / 64;
    if region.is_code() {
        let _ = pagewise_contract::code_byte(region, index);
    }
    let _ = pagewise_contract::filled_byte(region, u64::MAX, index);
}
