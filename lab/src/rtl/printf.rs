//! The kernel's `printf`.
//!
//! Page: learn.microsoft.com/cpp/c-runtime-library/format-specification-syntax-printf-and-wprintf-functions,
//! less floating point, plus `%Z` and `%wZ` for counted strings.

use pagewise_lab_nt as nt;

use super::ansi::{self, narrow};
use super::unicode;

/// A width or a precision beyond this is nonsense.
const WIDEST: usize = 1024;

/// The arguments after the format, eight bytes each.
pub(super) struct Arguments {
    next: *const u64,
}

impl Arguments {
    /// # Safety
    /// There are as many arguments at `first` as the format takes.
    pub(super) unsafe fn at(first: *const u64) -> Self {
        Self { next: first }
    }

    fn next(&mut self) -> u64 {
        // SAFETY: see `at`: the caller vouches that there are enough.
        let value = unsafe { self.next.read() };
        self.next = self.next.wrapping_add(1);
        value
    }
}

#[derive(Clone, Copy, Default)]
enum Size {
    Byte,
    Short,
    #[default]
    Int,
    Wide,
    Long,
}

#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    size: Size,
}

/// What `format` makes of `arguments`, cut to `limit` bytes.
pub(super) fn format(format: &[u8], arguments: &mut Arguments, limit: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if output.len() >= limit {
            break;
        }
        if byte != b'%' {
            output.push(byte);
            continue;
        }
        let mut spec = Spec::default();
        rest = spec.parse(rest, arguments);
        let Some((&conversion, after)) = rest.split_first() else { break };
        rest = after;
        spec.convert(conversion, arguments, &mut output);
    }
    output.truncate(limit);
    output
}

impl Spec {
    /// Reads what is between the percent sign and the conversion.
    fn parse<'a>(&mut self, mut rest: &'a [u8], arguments: &mut Arguments) -> &'a [u8] {
        while let Some((flag, after)) = rest.split_first() {
            match flag {
                b'-' => self.left = true,
                b'+' => self.plus = true,
                b' ' => self.space = true,
                b'#' => self.alternate = true,
                b'0' => self.zero = true,
                _ => break,
            }
            rest = after;
        }
        let (width, after) = number(rest, arguments);
        rest = after;
        self.left |= width.is_some_and(i32::is_negative);
        self.width = width.map_or(0, |width| width.unsigned_abs() as usize).min(WIDEST);
        if let Some(after) = rest.strip_prefix(b".") {
            let (precision, after) = number(after, arguments);
            rest = after;
            let precision = usize::try_from(precision.unwrap_or(0)).ok();
            self.precision = precision.map(|precision| precision.min(WIDEST));
        }
        for (prefix, size) in [
            (b"hh".as_slice(), Size::Byte),
            (b"h", Size::Short),
            (b"ll", Size::Long),
            (b"l", Size::Wide),
            (b"w", Size::Wide),
            (b"I64", Size::Long),
            (b"I32", Size::Int),
            (b"I", Size::Long),
            (b"j", Size::Long),
            (b"z", Size::Long),
            (b"t", Size::Long),
        ] {
            if let Some(after) = rest.strip_prefix(prefix) {
                self.size = size;
                return after;
            }
        }
        rest
    }

    fn convert(&self, conversion: u8, arguments: &mut Arguments, output: &mut Vec<u8>) {
        match conversion {
            b'd' | b'i' => self.signed(arguments.next(), output),
            b'u' => self.unsigned(arguments.next(), |value| value.to_string(), "", output),
            b'x' => self.unsigned(arguments.next(), |value| format!("{value:x}"), "0x", output),
            b'X' => self.unsigned(arguments.next(), |value| format!("{value:X}"), "0X", output),
            b'o' => self.unsigned(arguments.next(), |value| format!("{value:o}"), "0", output),
            b'p' => self.pad(format!("{:016X}", arguments.next()).as_bytes(), output),
            b'c' => match self.size {
                Size::Wide => self.pad(&[narrow(arguments.next() as u16)], output),
                _ => self.pad(&[arguments.next() as u8], output),
            },
            b'C' => match self.size {
                Size::Short => self.pad(&[arguments.next() as u8], output),
                _ => self.pad(&[narrow(arguments.next() as u16)], output),
            },
            b's' => self.string(arguments.next(), matches!(self.size, Size::Wide), output),
            b'S' => self.string(arguments.next(), !matches!(self.size, Size::Short), output),
            b'Z' => self.counted(arguments.next(), matches!(self.size, Size::Wide), output),
            b'%' => output.push(b'%'),
            // No conversion of the kernel's; it is shown, and takes no argument.
            other => output.extend_from_slice(&[b'%', other]),
        }
    }

    fn signed(&self, value: u64, output: &mut Vec<u8>) {
        let value = match self.size {
            Size::Byte => i64::from(value as i8),
            Size::Short => i64::from(value as i16),
            Size::Int | Size::Wide => i64::from(value as i32),
            Size::Long => value as i64,
        };
        let sign = match (value < 0, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        self.digits(sign, value.unsigned_abs().to_string(), output);
    }

    fn unsigned(
        &self,
        value: u64,
        digits: impl Fn(u64) -> String,
        prefix: &str,
        output: &mut Vec<u8>,
    ) {
        let value = match self.size {
            Size::Byte => u64::from(value as u8),
            Size::Short => u64::from(value as u16),
            Size::Int | Size::Wide => u64::from(value as u32),
            Size::Long => value,
        };
        let prefix = if self.alternate && value != 0 { prefix } else { "" };
        self.digits(prefix, digits(value), output);
    }

    fn digits(&self, prefix: &str, mut digits: String, output: &mut Vec<u8>) {
        if self.precision == Some(0) && digits == "0" {
            digits.clear();
        }
        let fill = match self.precision {
            None if self.zero && !self.left => self.width.saturating_sub(prefix.len()),
            precision => precision.unwrap_or(1),
        };
        let zeroes = "0".repeat(fill.saturating_sub(digits.len()));
        self.pad(format!("{prefix}{zeroes}{digits}").as_bytes(), output);
    }

    fn string(&self, address: u64, wide: bool, output: &mut Vec<u8>) {
        if address == 0 {
            return self.pad(b"(null)", output);
        }
        let limit = self.precision.unwrap_or(usize::MAX);
        let text = if wide {
            // SAFETY: the driver gave the string with the format.
            unsafe { terminated(address as *const u16, limit) }.into_iter().map(narrow).collect()
        } else {
            // SAFETY: as above.
            unsafe { terminated(address as *const u8, limit) }
        };
        self.pad(&text, output);
    }

    fn counted(&self, address: u64, wide: bool, output: &mut Vec<u8>) {
        if address == 0 {
            return self.pad(b"(null)", output);
        }
        let limit = self.precision.unwrap_or(usize::MAX);
        let text: Vec<u8> = if wide {
            // SAFETY: the driver gave the string with the format.
            let units = unsafe { unicode::units(address as *const nt::UNICODE_STRING) };
            units.iter().take(limit).copied().map(narrow).collect()
        } else {
            // SAFETY: as above.
            let bytes = unsafe { ansi::bytes(address as *const nt::STRING) };
            bytes.iter().take(limit).copied().collect()
        };
        self.pad(&text, output);
    }

    fn pad(&self, text: &[u8], output: &mut Vec<u8>) {
        let spaces = vec![b' '; self.width.saturating_sub(text.len())];
        if self.left {
            output.extend_from_slice(text);
            output.extend_from_slice(&spaces);
        } else {
            output.extend_from_slice(&spaces);
            output.extend_from_slice(text);
        }
    }
}

/// What comes before the first null, and at most `limit` of it.
///
/// # Safety
/// `text` points to a string that is null-terminated or has at least `limit` elements.
unsafe fn terminated<T: Copy + Default + PartialEq>(text: *const T, limit: usize) -> Vec<T> {
    let mut elements = Vec::new();
    while elements.len() < limit.min(WIDEST) {
        // SAFETY: the caller vouches for it, and no null was seen so far.
        let element = unsafe { text.wrapping_add(elements.len()).read_unaligned() };
        if element == T::default() {
            break;
        }
        elements.push(element);
    }
    elements
}

/// A number, or the argument that an asterisk stands for.
fn number<'a>(rest: &'a [u8], arguments: &mut Arguments) -> (Option<i32>, &'a [u8]) {
    if let Some(after) = rest.strip_prefix(b"*") {
        return (Some(arguments.next() as i32), after);
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(digits);
    let text = std::str::from_utf8(digits).unwrap_or_default();
    (if text.is_empty() { None } else { Some(text.parse().unwrap_or(i32::MAX)) }, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str, arguments: &[u64]) -> String {
        // SAFETY: the tests give as many as the format takes.
        let mut arguments = unsafe { Arguments::at(arguments.as_ptr()) };
        String::from_utf8(format(text.as_bytes(), &mut arguments, 512)).unwrap()
    }

    #[test]
    fn integers_have_the_size_that_is_said() {
        let minus_one = u64::MAX;
        assert_eq!(printed("%d %i %u", &[minus_one; 3]), "-1 -1 4294967295");
        assert_eq!(printed("%hhd %hu %ld", &[minus_one; 3]), "-1 65535 -1");
        let big = [0x1_2345_6789_u64; 3];
        assert_eq!(printed("%llx %I64X %zu", &big), "123456789 123456789 4886718345");
        assert_eq!(printed("%lx %x %I32x", &big), "23456789 23456789 23456789");
        assert_eq!(printed("%lld", &[i64::MIN as u64]), "-9223372036854775808");
    }

    #[test]
    fn fields_have_width_precision_and_flags() {
        assert_eq!(printed("[%5d][%-5d][%05d]", &[42; 3]), "[   42][42   ][00042]");
        assert_eq!(printed("[%08lX][%#x][%#o]", &[0xbeef, 16, 8]), "[0000BEEF][0x10][010]");
        assert_eq!(printed("[%+d][% d][%.3d][%.0d]", &[7, 7, 7, 0]), "[+7][ 7][007][]");
        assert_eq!(printed("[%*d][%-*d]", &[4, 1, 4, 1]), "[   1][1   ]");
        assert_eq!(printed("[%*d]", &[(-4i64) as u64, 1]), "[1   ]");
        assert_eq!(printed("%p", &[0xfffff]), "00000000000FFFFF");
        assert_eq!(printed("100%% %c", &[65]), "100% A");
    }

    #[test]
    fn strings_of_every_kind() {
        let narrow = b"page\0";
        let wide: Vec<u16> = "wise\0".encode_utf16().collect();
        let counted = nt::unicode_string(&wide[..3]).unwrap();
        let (narrow, wide) = (narrow.as_ptr() as u64, wide.as_ptr() as u64);
        assert_eq!(printed("%s|%ws|%ls|%S", &[narrow, wide, wide, wide]), "page|wise|wise|wise");
        assert_eq!(printed("%hs|%hS|%.2s|%6s", &[narrow; 4]), "page|page|pa|  page");
        assert_eq!(printed("%wZ", &[(&raw const counted) as u64]), "wis");
        assert_eq!(printed("%s %wZ", &[0, 0]), "(null) (null)");
    }

    #[test]
    fn nonsense_is_shown_and_the_limit_holds() {
        assert_eq!(printed("%q %", &[]), "%q ");
        assert_eq!(printed("%99999999999d", &[1]).len(), 512);
        assert_eq!(printed(&"x".repeat(600), &[]).len(), 512);
    }
}
