#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| pagewise_attack::unwind::run(data));
