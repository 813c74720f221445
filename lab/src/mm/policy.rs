//! What Windows leaves undocumented: each such outcome is a named policy, never a silent choice.
//!
//! `docs/policies.md` lists them with what is known. The first value of each is the default: the
//! outcome that a driver has the least right to rely on the absence of.

use std::sync::atomic::{AtomicU8, Ordering};

/// Why a policy could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There is none of that name.
    #[error("there is no policy {name:?}; there are {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// It has no such value.
    #[error("policy {policy:?} has no value {value:?}; it has {}", values.join(", "))]
    Value {
        /// The policy.
        policy: &'static str,
        /// The value asked for.
        value: String,
        /// The values there are.
        values: &'static [&'static str],
    },
}

/// A policy's name, its values, and the number of the present one.
struct Named {
    name: &'static str,
    values: &'static [&'static str],
    present: &'static AtomicU8,
}

macro_rules! policies {
    ($(
        $(#[$attribute:meta])*
        $policy:ident = $name:literal {
            $($(#[$of_value:meta])* $value:ident = $value_name:literal,)*
        }
    )*) => {
        $(
            $(#[$attribute])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[repr(u8)]
            pub enum $policy {
                $($(#[$of_value])* $value,)*
            }

            impl $policy {
                const ALL: &[Self] = &[$(Self::$value,)*];

                fn cell() -> &'static AtomicU8 {
                    static PRESENT: AtomicU8 = AtomicU8::new(0);
                    &PRESENT
                }

                /// The present value. Async-signal-safe.
                #[inline]
                #[must_use]
                pub fn get() -> Self {
                    Self::ALL[usize::from(Self::cell().load(Ordering::Relaxed))]
                }

                /// Chooses a value.
                pub fn set(self) {
                    Self::cell().store(self as u8, Ordering::Relaxed);
                }
            }
        )*

        fn all() -> Vec<Named> {
            vec![$(Named {
                name: $name,
                values: &[$($value_name,)*],
                present: $policy::cell(),
            },)*]
        }
    };
}

policies! {
    /// What `MmPageEntireDriver` returns for an address that is in no driver.
    PageEntireUnknownAddress = "page-entire-unknown-address" {
        /// A null pointer, as ReactOS does.
        Null = "null",
        /// The argument, as Wine does for every address.
        Echo = "echo",
    }

    /// Whether kernel and driver code is paged at all (registry value `DisablePagingExecutive`,
    /// which is documented; that `MmPageEntireDriver` then still returns the base is not).
    PagingExecutive = "paging-executive" {
        /// It is, as by default on Windows.
        Enabled = "enabled",
        /// It is not: `MmPageEntireDriver` changes nothing and returns the base all the same.
        Disabled = "disabled",
    }

    /// What locking a section does while `MmPageEntireDriver` overrides it.
    LockAfterPageEntire = "lock-after-page-entire" {
        /// Bug check 0x1A/0x1234.
        BugCheck = "bug-check",
        /// The section is locked like any pageable one.
        Locks = "locks",
        /// A handle is returned, but the section stays pageable; an unlock is ignored too.
        Ignored = "ignored",
    }

    /// What locking a section does that is not pageable by link.
    LockResidentSection = "lock-resident-section" {
        /// Bug check 0x1A/0x1234, "a pageable section that does not exist".
        BugCheck = "bug-check",
        /// The lock is counted, and makes no difference.
        Counted = "counted",
    }

    /// What becomes of section locks when `MmPageEntireDriver` is called.
    PageEntireWithLocks = "page-entire-with-locks" {
        /// The section is pageable like all others until the reset.
        Overridden = "overridden",
        /// The lock goes on holding the section in memory.
        Kept = "kept",
    }

    /// Whether a section named `PAGE*` that the linker marked `IMAGE_SCN_MEM_NOT_PAGED` is
    /// pageable.
    NotPagedFlag = "not-paged-flag" {
        /// It is: the name decides, as documented; the flag is not looked at.
        Ignored = "ignored",
        /// It is not.
        Honoured = "honoured",
    }

    /// Which discardable sections are given back after `DriverEntry`.
    DiscardInit = "discard-init" {
        /// All of them.
        All = "all",
        /// Those at the image's end, after the last section that is to stay, as ReactOS does.
        Trailing = "trailing",
    }
}

/// Sets a policy by name.
///
/// # Errors
/// [`PolicyError`], which lists what there is.
pub fn set(name: &str, value: &str) -> Result<(), PolicyError> {
    let policies = all();
    let Some(policy) = policies.iter().find(|policy| policy.name == name) else {
        let known = policies.iter().map(|policy| policy.name).collect();
        return Err(PolicyError::Unknown { name: name.to_owned(), known });
    };
    let Some(number) = (0_u8..).zip(policy.values).find(|(_, known)| **known == value) else {
        let (policy, values) = (policy.name, policy.values);
        return Err(PolicyError::Value { policy, value: value.to_owned(), values });
    };
    policy.present.store(number.0, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_and_values_are_told_apart_and_change_nothing() {
        let unknown = set("page-entire", "null").unwrap_err();
        assert!(unknown.to_string().contains("page-entire-unknown-address"), "{unknown}");
        let value = set("not-paged-flag", "sometimes").unwrap_err();
        assert_eq!(
            value.to_string(),
            r#"policy "not-paged-flag" has no value "sometimes"; it has ignored, honoured"#
        );
        assert_eq!(NotPagedFlag::get(), NotPagedFlag::Ignored);
    }

    #[test]
    fn every_policy_and_every_value_of_it_is_documented() {
        let page = include_str!("../../../docs/policies.md");
        for policy in all() {
            let row = page.lines().find(|line| line.contains(&format!("`{}`", policy.name)));
            let row = row.unwrap_or_else(|| panic!("docs/policies.md lacks {}", policy.name));
            for value in policy.values {
                assert!(row.contains(&format!("`{value}`")), "{}: {value}", policy.name);
            }
        }
    }
}
