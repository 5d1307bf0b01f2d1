/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seccomp filter: a classic BPF program over the number and the arguments of each system call.
 * Written out here rather than by a library: it is a list of numbers and eight conditions, and one
 * dependency less.
 *
 * The list is what our own code, glibc, libmicrohttpd, libpq (over TCP and sockets, with TLS,
 * Kerberos' probing and name resolution), libmagic and the allocator use after the start. Arguments
 * behind pointers cannot be judged here; what may be opened for writing is forbidden by the flags,
 * and by Landlock (files.c) as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox/internal.h"
#include "sandbox/sandbox.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#define OUR_ARCH 0U /* unknown to us: no filter */
#endif

enum { CODE_MAX = 1024, X32_BIT = 0x40000000 };

/*
 * Allowed whatever their arguments; those of every request first, for kernels that do not remember
 * verdicts.
 */
static const int allowed[] = {
    /* requests */
    SYS_epoll_pwait,
    SYS_recvfrom,
    SYS_sendto,
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_epoll_ctl,
    SYS_accept4,
    SYS_setsockopt,
    SYS_getsockopt,
    SYS_close,
    SYS_shutdown,
    SYS_ppoll,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_getrandom,
    /* memory */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_mlock,
    SYS_munlock,
    SYS_mlock2,
    /* threads, signals and the end */
    SYS_rseq,
    SYS_set_robust_list,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_membarrier,
    SYS_getcpu,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    /* sockets, and resolving names */
    SYS_connect,
    SYS_bind,
    SYS_accept,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sendmmsg,
    SYS_recvmmsg,
    SYS_pselect6,
    SYS_eventfd2,
    SYS_fcntl,
    SYS_dup,
    SYS_epoll_create1,
    /* reading files */
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_lseek,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_statfs,
    SYS_fstatfs,
    SYS_fadvise64,
    /* its own operator socket, at the end (files.c says where) */
    SYS_unlinkat,
    /* who and where am I */
    SYS_getpid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getgroups,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_gettimeofday,
    SYS_clock_getres,
#if defined(__x86_64__) /* the older names of the same, which arm64 never had */
    SYS_epoll_wait,
    SYS_poll,
    SYS_select,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_time,
    SYS_getrlimit,
    SYS_arch_prctl,
#endif
};

/* Asked by libraries that go on without: they get an error, not the end. */
static const struct {
    int call;
    int error;
} refused[] = {
    {SYS_clone3, ENOSYS}, /* its flags lie behind a pointer; glibc then uses clone */
    {SYS_keyctl, EPERM},  /* Kerberos looks for tickets in the kernel's keyring */
    {SYS_openat2, ENOSYS}, {SYS_sched_setaffinity, EPERM}, {SYS_sched_setscheduler, EPERM},
};

struct program {
    struct sock_filter code[CODE_MAX];
    size_t len;
    bool full;
};

/* ---- assembling ---- */

static void emit(struct program *p, unsigned code, unsigned yes, unsigned no, uint32_t k)
{
    if (p->len == CODE_MAX) {
        p->full = true;
        return;
    }
    p->code[p->len++] = (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
}

static void load(struct program *p, size_t offset)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void verdict(struct program *p, uint32_t what)
{
    emit(p, BPF_RET | BPF_K, 0, 0, what);
}

/* One half of an argument. Both machines are little-endian. */
static void load_half(struct program *p, size_t argument, size_t half)
{
    load(p, offsetof(struct seccomp_data, args) + sizeof(uint64_t) * argument +
                sizeof(uint32_t) * half);
}

/* Enough for what is an int, or flags that fit into one. */
static void load_argument(struct program *p, unsigned i)
{
    load_half(p, i, 0);
}

/* The number is in the accumulator before and after, as long as no rule has taken it. */
static void rule(struct program *p, int call, uint32_t what)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)call);
    verdict(p, what);
}

/*
 * Allowed if the argument under the mask is the value (or, with same false, is not); else the end.
 */
static void rule_masked(struct program *p, int call, unsigned argument, uint32_t mask,
                        uint32_t value, bool same)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)call);
    load_argument(p, argument);
    emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, same ? 0 : 1, same ? 1 : 0, value);
    verdict(p, SECCOMP_RET_ALLOW);
    verdict(p, SECCOMP_RET_KILL_PROCESS);
}

/* Allowed if the argument is one of the values. */
static void rule_one_of(struct program *p, int call, unsigned argument, const uint32_t *values,
                        size_t count, uint32_t otherwise)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (unsigned)(2 * count + 2), (uint32_t)call);
    load_argument(p, argument);
    for (size_t i = 0; i < count; i++)
        rule(p, (int)values[i], SECCOMP_RET_ALLOW);
    verdict(p, otherwise);
}

/* ---- what is forbidden by its arguments ---- */

static void rules_of_arguments(struct program *p)
{
    /* Files only to read. */
    const uint32_t writes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    rule_masked(p, SYS_openat, 2, writes, O_RDONLY, true);
#ifdef SYS_open
    rule_masked(p, SYS_open, 1, writes, O_RDONLY, true);
#endif
    /* No memory that is written and executed, and none that becomes executable. */
    rule_masked(p, SYS_mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, false);
    rule_masked(p, SYS_mprotect, 2, PROT_EXEC, 0, true);
    /* Threads, no processes. */
    rule_masked(p, SYS_clone, 0, CLONE_THREAD, CLONE_THREAD, true);
    /* Signals to itself only (abort). */
    rule_masked(p, SYS_tgkill, 0, 0xffffffff, (uint32_t)getpid(), true);

    static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    rule_one_of(p, SYS_socket, 0, families, COUNT_OF(families), SECCOMP_RET_KILL_PROCESS);
    static const uint32_t requests[] = {FIONREAD, FIONBIO, TCGETS};
    rule_one_of(p, SYS_ioctl, 1, requests, COUNT_OF(requests), SECCOMP_RET_ERRNO | ENOTTY);
    static const uint32_t options[] = {PR_SET_NAME, PR_GET_NAME};
    rule_one_of(p, SYS_prctl, 0, options, COUNT_OF(options), SECCOMP_RET_ERRNO | EINVAL);

    /* Limits may be asked for; a new one is a pointer that is not null, in either half. */
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, SYS_prlimit64);
    load_argument(p, 2);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
    load_half(p, 2, 1);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    verdict(p, SECCOMP_RET_ALLOW);
    verdict(p, SECCOMP_RET_KILL_PROCESS);
}

static void assemble(struct program *p)
{
    load(p, offsetof(struct seccomp_data, arch));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OUR_ARCH);
    verdict(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT); /* other numbers for the same calls */
    verdict(p, SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        rule(p, allowed[i], SECCOMP_RET_ALLOW);
    rules_of_arguments(p);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        rule(p, refused[i].call, SECCOMP_RET_ERRNO | (uint32_t)refused[i].error);
    verdict(p, SECCOMP_RET_KILL_PROCESS);
}

enum err sandbox_calls(void)
{
    struct program p = {.len = 0};
    if (SANDBOX_LEFT_OUT || OUR_ARCH == 0U)
        return ERR_MISSING;
    assemble(&p);
    if (p.full)
        return ERR_DEFECT;
    const struct sock_fprog filter = {(unsigned short)p.len, p.code};
    /*
     * Kernels before 5.16 would slow down a filtered process, against code that is interpreted in
     * it; there is none.
     */
    const unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) != 0)
        return ERR_MISSING;
    return OK;
}
