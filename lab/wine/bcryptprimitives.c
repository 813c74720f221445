/*
 * Random bytes for programs: learn.microsoft.com/windows/win32/seccng/processprng.
 *
 * Rust's standard library imports this from bcryptprimitives.dll, which Wine 8 lacks. RtlGenRandom
 * (learn.microsoft.com/windows/win32/api/ntsecapi/nf-ntsecapi-rtlgenrandom) is exported by
 * advapi32.dll as SystemFunction036.
 */

typedef __SIZE_TYPE__ size;

__declspec(dllimport) unsigned char SystemFunction036(void *buffer, unsigned int bytes);

/* ProcessPrng never fails, and takes more bytes than RtlGenRandom can say. */
int shim_ProcessPrng(unsigned char *buffer, size bytes)
{
    const size most = 0x40000000;
    while (bytes) {
        size part = bytes < most ? bytes : most;
        if (!SystemFunction036(buffer, (unsigned int)part))
            __builtin_trap();
        buffer += part;
        bytes -= part;
    }
    return 1;
}
