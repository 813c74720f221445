/*
 * BufferOverflowFastFailK.lib: the symbols that code compiled with /GS refers to. Nothing that this
 * project builds is compiled so; the library is there because every driver links it, and it fails
 * fast as the name says, should a C object with checks ever be linked.
 */

/* FAST_FAIL_STACK_COOKIE_CHECK_FAILURE, taken in ecx by int 29h. */
#define STACK_COOKIE_CHECK_FAILURE 2

unsigned long long __security_cookie = 0x00002B992DDFA232ull;
unsigned long long __security_cookie_complement = ~0x00002B992DDFA232ull;

__attribute__((noreturn)) void __report_gsfailure(unsigned long long cookie)
{
    (void)cookie;
    __asm__ volatile("int $0x29" : : "c"(STACK_COOKIE_CHECK_FAILURE));
    __builtin_unreachable();
}

void __security_check_cookie(unsigned long long cookie)
{
    if (cookie != __security_cookie) {
        __report_gsfailure(cookie);
    }
}

void __security_init_cookie(void)
{
}
