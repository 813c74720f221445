//! For tests of what ends a machine.

use pagewise_lab_wire::Verifier;

use crate::verifier;

/// Turns on the verifier, for the rest of the child process.
pub(crate) fn verify() {
    verifier::set(&Verifier { ddi_compliance: true, ..Verifier::default() });
}

/// A test whose block ends in a bug check; the closure checks its code and parameters.
macro_rules! dies {
    ($name:ident, $scenario:block, $check:expr) => {
        #[test]
        fn $name() {
            let check: fn(u32, [u64; 4]) = $check;
            let test = $crate::testing::child::test_path!();
            let report = $crate::testing::child::bug_check_of(test, || $scenario);
            check(report.code, report.parameters);
        }
    };
}
pub(crate) use dies;
