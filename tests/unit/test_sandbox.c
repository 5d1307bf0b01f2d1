/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sandbox, applied in a child of the test: what a server never does ends the child, what it
 * does goes on. That the running server has it, and works in it, is shown by
 * tests/integration/test_sandbox.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sandbox/internal.h"
#include "sandbox/sandbox.h"
#include "unit/emulated.h"

enum { WENT_ON = 40, NO_SANDBOX = 41, DID_NOT_WORK = 42, BLOCK = 1 << 20 };

typedef bool (*deed)(void);

static char folder[] = "/tmp/conclave-sandbox-XXXXXX";

/* Asked apart from the server's own asking. Without it the server runs with the filter alone. */
static bool kernel_has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

/* In the child. Does not come back. */
static void child(deed d, bool calls)
{
    struct rlimit none = {0, 0};
    unsigned abi = 0;
    (void)setrlimit(RLIMIT_CORE, &none);
    bool has_files = sandbox_files(folder, &abi) == OK;
    if (has_files != kernel_has_landlock() || has_files != (abi > 0) ||
        (calls && sandbox_calls() != OK))
        _exit(NO_SANDBOX);
    _exit(d() ? WENT_ON : DID_NOT_WORK);
}

/* What became of a child that did it: its exit code, or 128 and the signal. */
static int outcome(deed d, bool calls)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        child(d, calls);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- what a server never does ---- */

static bool run_a_program(void)
{
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    return execv(argv[0], argv) == 0;
}

static bool run_a_program_by_descriptor(void)
{
    return syscall(SYS_execveat, -1, "/bin/true", NULL, NULL, 0) == 0;
}

static bool fork_a_process(void)
{
    return fork() >= 0;
}

static bool vfork_by_clone(void)
{
    return syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) >= 0;
}

static bool trace_another(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool read_another(void)
{
    char here[8];
    struct iovec local = {here, sizeof(here)}, remote = {here, sizeof(here)};
    return process_vm_readv(getppid(), &local, 1, &remote, 1, 0) >= 0;
}

static bool signal_another(void)
{
    return kill(getppid(), 0) == 0;
}

static bool signal_a_thread_of_another(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static bool open_for_writing(void)
{
    return open("/dev/null", O_WRONLY) >= 0;
}

static bool open_for_both(void)
{
    return open("/dev/null", O_RDWR) >= 0;
}

static bool make_a_file(void)
{
    return open("/tmp/conclave-sandbox-made", O_RDONLY | O_CREAT, 0600) >= 0;
}

static bool make_an_unnamed_file(void)
{
    return open("/tmp", O_TMPFILE | O_RDWR, 0600) >= 0;
}

static bool make_a_folder(void)
{
    return mkdir("/tmp/conclave-sandbox-made", 0700) == 0;
}

static bool rename_a_file(void)
{
    return rename("/tmp/conclave-a", "/tmp/conclave-b") == 0;
}

static bool link_a_file(void)
{
    return symlink("/etc/passwd", "/tmp/conclave-sandbox-made") == 0;
}

static bool change_a_mode(void)
{
    return chmod("/tmp", 01777) == 0;
}

static bool make_memory_a_file(void)
{
    return syscall(SYS_memfd_create, "x", 0) >= 0;
}

static bool write_and_execute(void)
{
    return mmap(NULL, BLOCK, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool make_executable(void)
{
    void *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, BLOCK, PROT_READ | PROT_EXEC) == 0;
}

static bool listen_anew(void)
{
    return listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0;
}

static bool sniff_the_wire(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool set_a_limit(void)
{
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) == 0;
}

static bool change_root(void)
{
    return chroot("/") == 0;
}

static bool become_another(void)
{
    return setuid(getuid()) == 0;
}

static bool queue_in_the_kernel(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL) >= 0;
}

static bool load_into_the_kernel(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) >= 0;
}

static bool call_by_another_number(void)
{
#if defined(__x86_64__)
    return syscall(0x40000000 | SYS_getpid) > 0;
#else
    return syscall(100000) > 0;
#endif
}

static void forbidden_call__of_each_kind__ends_the_process(void **state)
{
    static const struct {
        const char *name;
        deed d;
    } deeds[] = {
        {"execve", run_a_program},
        {"execveat", run_a_program_by_descriptor},
        {"fork", fork_a_process},
        {"clone without a thread", vfork_by_clone},
        {"ptrace", trace_another},
        {"process_vm_readv", read_another},
        {"kill", signal_another},
        {"tgkill", signal_a_thread_of_another},
        {"open to write", open_for_writing},
        {"open to read and write", open_for_both},
        {"open with O_CREAT", make_a_file},
        {"open with O_TMPFILE", make_an_unnamed_file},
        {"mkdir", make_a_folder},
        {"rename", rename_a_file},
        {"symlink", link_a_file},
        {"chmod", change_a_mode},
        {"memfd_create", make_memory_a_file},
        {"mmap to write and execute", write_and_execute},
        {"mprotect to execute", make_executable},
        {"listen", listen_anew},
        {"socket of packets", sniff_the_wire},
        {"setrlimit", set_a_limit},
        {"chroot", change_root},
        {"setuid", become_another},
        {"io_uring_setup", queue_in_the_kernel},
        {"bpf", load_into_the_kernel},
        {"a number of another table", call_by_another_number},
    };
    (void)state;
    skip_when_emulated();
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        int got = outcome(deeds[i].d, true);
        if (got != 128 + SIGSYS)
            print_error("%s: %d\n", deeds[i].name, got);
        assert_int_equal(got, 128 + SIGSYS);
    }
}

/* ---- what a server does ---- */

static void *thread_main(void *arg)
{
    (void)pthread_setname_np(pthread_self(), "later");
    return arg;
}

static bool start_a_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    return pthread_create(&thread, NULL, thread_main, folder) == 0 &&
           pthread_join(thread, &result) == 0 && result == folder;
}

static bool resolve_names(void)
{
    static const char *const names[] = {"localhost", "ip6-localhost", "no-such-host.invalid"};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct addrinfo *list = NULL;
        if (getaddrinfo(names[i], "5432", &hints, &list) != 0)
            continue;
        any = true;
        freeaddrinfo(list);
    }
    return any;
}

static bool read_files(void)
{
    char text[16];
    FILE *f = fopen("/etc/passwd", "re");
    bool read = f != NULL && fgets(text, sizeof(text), f) != NULL;
    return f != NULL && fclose(f) == 0 && read;
}

static bool use_memory(void)
{
    for (size_t size = 1; size <= 64 * BLOCK; size *= 4) {
        uint8_t *p = malloc(size);
        if (p == NULL)
            return false;
        memset(p, 1, size);
        free(p);
    }
    return true;
}

static bool write_the_log(void)
{
    log_event(LOG_ERROR, "sandbox.test", LOG_U64("at", clock_wall_ms()));
    return true;
}

static bool connect_sockets(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/nobody/listens/here"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno == ENOENT;
    return fd >= 0 && close(fd) == 0 && refused;
}

static bool remove_the_own_socket(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && unlink(at.sun_path) == 0;
}

static bool ask_for_limits(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && sysconf(_SC_OPEN_MAX) > 0;
}

static bool be_refused_politely(void)
{
    /* These have errors instead of an end, because libraries ask for them and go on. */
    return prctl(PR_SET_DUMPABLE, 1) < 0 && ioctl(0, TIOCSTI, "x") < 0 &&
           syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS &&
           syscall(SYS_keyctl, 0, 0, 0, 0, 0) < 0 && errno == EPERM;
}

static void normal_work__of_each_kind__goes_on(void **state)
{
    static const struct {
        const char *name;
        deed d;
    } deeds[] = {
        {"threads", start_a_thread},     {"names", resolve_names},
        {"reading", read_files},         {"memory", use_memory},
        {"log", write_the_log},          {"sockets", connect_sockets},
        {"limits", ask_for_limits},      {"own socket", remove_the_own_socket},
        {"errors", be_refused_politely},
    };
    (void)state;
    skip_when_emulated();
    for (size_t i = 0; i < COUNT_OF(deeds); i++) {
        int got = outcome(deeds[i].d, true);
        if (got != WENT_ON)
            print_error("%s: %d\n", deeds[i].name, got);
        assert_int_equal(got, WENT_ON);
    }
}

static bool abort_itself(void)
{
    abort();
}

static void abort__of_the_server_itself__is_still_an_abort(void **state)
{
    (void)state;
    skip_when_emulated();
    assert_int_equal(outcome(abort_itself, true), 128 + SIGABRT);
}

/* ---- Landlock alone, since a filter ends most of it first ---- */

static bool files_are_closed(void)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    bool all = open("/dev/null", O_WRONLY) < 0 && errno == EACCES;
    all = all && open(path, O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES;
    all = all && unlink("/tmp/conclave-sandbox-kept") < 0 && errno == EACCES;
    all = all && mkdir("/tmp/conclave-sandbox-made", 0700) < 0 && errno == EACCES;
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    return all && execv(argv[0], argv) < 0 && errno == EACCES && read_files();
}

static void files__under_landlock__are_only_read(void **state)
{
    (void)state;
    skip_when_emulated();
    if (!kernel_has_landlock())
        return; /* that the server notices is asserted in every child() */
    int fd = open("/tmp/conclave-sandbox-kept", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(outcome(files_are_closed, false), WENT_ON);
    assert_int_equal(unlink("/tmp/conclave-sandbox-kept"), 0);
}

static void sandbox__in_a_build_with_a_sanitizer__is_left_out(void **state)
{
    (void)state;
    unsigned abi = 0;
    assert_int_equal(sandbox_files(NULL, &abi), ERR_MISSING);
    assert_int_equal(sandbox_calls(), ERR_MISSING);
    assert_int_equal(abi, 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_call__of_each_kind__ends_the_process),
        cmocka_unit_test(normal_work__of_each_kind__goes_on),
        cmocka_unit_test(abort__of_the_server_itself__is_still_an_abort),
        cmocka_unit_test(files__under_landlock__are_only_read),
    };
    const struct CMUnitTest left_out[] = {
        cmocka_unit_test(sandbox__in_a_build_with_a_sanitizer__is_left_out),
    };
    if (SANDBOX_LEFT_OUT)
        return cmocka_run_group_tests(left_out, make_folder, remove_folder);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
