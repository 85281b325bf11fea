/* Faults between a process and its files: loaded with LD_PRELOAD, steered through a shared file.
 *
 * The file named by FAULT_CONTROL is mapped by both sides (its layout is `struct control`; `shim.py` writes it). Without
 * it every call goes straight through. What it can do:
 *
 *   rules    a call on a path that contains `part` fails with `error`: writes, truncations, syncs, new files; after
 *            `skip` calls, at most `left` times, with a chance of `per_million`; a write may be short before it fails,
 *            as on a disk that gets full.
 *   clock    CLOCK_REALTIME is moved by `clock_ns`, and waits until a moment of it with it; the monotonic clock is left alone.
 *            Code that makes its own system calls or reads the vDSO itself is not reached.
 *   syncs    fsync and fdatasync take `sync_delay_us` longer.
 *   watches  for files whose path contains `watched` and not `unwatched`, the ranges written since
 *            their last good sync. After a kill, those and only those bytes are what a power cut may have lost: see
 *            `tear.py`.
 *
 * A range is noted before its write and forgotten after the sync that covers it, so a kill between leaves it noted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x42445046u
#define RULES 8
#define WATCHES 32
#define RANGES 1024
#define TEXT 256

enum { WRITES = 1, TRUNCATES = 2, SYNCS = 4, CREATES = 8 };

struct rule {
    char part[TEXT];
    uint32_t operations; /* the bits above; 0: no rule */
    int32_t error;
    uint32_t per_million;
    uint32_t short_writes;
    int64_t skip;
    int64_t left; /* -1: without end */
    uint64_t hits;
};

struct range {
    int64_t offset;
    int64_t size;
};

struct watch {
    char path[TEXT];
    uint32_t count;
    uint32_t overflow; /* more ranges than fit: nothing can be said about this file */
    struct range ranges[RANGES];
};

struct control {
    uint32_t magic;
    uint32_t sync_delay_us;
    int64_t clock_ns;
    char watched[TEXT];
    char unwatched[TEXT];
    struct rule rules[RULES];
    struct watch watches[WATCHES];
};

static struct control *control;
static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;
static __thread uint64_t chance;

#define REAL(type, name, ...)                                      \
    static type (*real)(__VA_ARGS__);                              \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULT_CONTROL");
    int handle = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (handle < 0) return;
    void *found = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (found == MAP_FAILED) return;
    if (((struct control *)found)->magic == MAGIC) control = found;
}

/* ------------------------------------------------------------------------------------------------------------ rules */

static uint32_t draw(void) { /* 0 … 999,999; xorshift, one a thread */
    if (!chance) chance = ((uint64_t)(uintptr_t)&chance) ^ ((uint64_t)getpid() << 32) ^ 0x9E3779B97F4A7C15u;
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (uint32_t)(chance % 1000000);
}

static int path_of(int handle, char *path) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t size = readlink(name, path, TEXT - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return path[0] == '/';
}

static struct rule *failing(const char *path, uint32_t operation) {
    for (int i = 0; i < RULES; i++) {
        struct rule *rule = &control->rules[i];
        if (!(__atomic_load_n(&rule->operations, __ATOMIC_ACQUIRE) & operation)) continue;
        if (!strstr(path, rule->part)) continue;
        if (__atomic_load_n(&rule->skip, __ATOMIC_RELAXED) > 0 &&
            __atomic_fetch_sub(&rule->skip, 1, __ATOMIC_RELAXED) > 0) continue;
        if (draw() >= rule->per_million) continue;
        int64_t left = __atomic_load_n(&rule->left, __ATOMIC_RELAXED);
        if (left == 0) continue;
        if (left > 0 && __atomic_fetch_sub(&rule->left, 1, __ATOMIC_RELAXED) <= 0) continue;
        __atomic_fetch_add(&rule->hits, 1, __ATOMIC_RELAXED);
        return rule;
    }
    return NULL;
}

static int any_rule(void) {
    for (int i = 0; i < RULES; i++)
        if (control->rules[i].operations) return 1;
    return 0;
}

static int busy(void) { return control && (control->watched[0] || any_rule()); }

static int refused(const char *path, uint32_t operation) {
    struct rule *rule = failing(path, operation);
    if (!rule) return 0;
    errno = rule->error;
    return 1;
}

/* Returns -1 to fail, else how many bytes to write. */
static ssize_t allowed(int handle, size_t size) {
    char path[TEXT];
    if (!path_of(handle, path)) return (ssize_t)size;
    struct rule *rule = failing(path, WRITES);
    if (!rule) return (ssize_t)size;
    if (rule->short_writes && size > 1 && draw() < 500000) return (ssize_t)(size / 2);
    errno = rule->error;
    return -1;
}

/* ---------------------------------------------------------------------------------------------------------- watches */

static struct watch *watch_of(const char *path, int make) {
    struct watch *empty = NULL;
    for (int i = 0; i < WATCHES; i++) {
        struct watch *watch = &control->watches[i];
        if (!watch->path[0]) {
            if (!empty) empty = watch;
        } else if (!strcmp(watch->path, path)) {
            return watch;
        }
    }
    if (make && empty) {
        empty->count = empty->overflow = 0;
        snprintf(empty->path, TEXT, "%s", path);
    }
    return make ? empty : NULL;
}

static void note(int handle, int64_t offset, int64_t size) {
    char path[TEXT];
    if (!control->watched[0] || !path_of(handle, path) || !strstr(path, control->watched)) return;
    if (control->unwatched[0] && strstr(path, control->unwatched)) return;
    pthread_mutex_lock(&watching);
    struct watch *watch = watch_of(path, 1);
    if (watch && watch->count < RANGES) {
        watch->ranges[watch->count] = (struct range){offset, size};
        __atomic_store_n(&watch->count, watch->count + 1, __ATOMIC_RELEASE);
    } else if (watch) {
        watch->overflow = 1;
    }
    pthread_mutex_unlock(&watching);
}

static uint32_t noted(const char *path) {
    pthread_mutex_lock(&watching);
    struct watch *watch = watch_of(path, 0);
    uint32_t count = watch ? watch->count : 0;
    pthread_mutex_unlock(&watching);
    return count;
}

static void forget(const char *path, uint32_t count) {
    pthread_mutex_lock(&watching);
    struct watch *watch = watch_of(path, 0);
    if (watch && count <= watch->count) {
        memmove(watch->ranges, watch->ranges + count, (watch->count - count) * sizeof(struct range));
        watch->count -= count;
        watch->overflow = 0;
    }
    pthread_mutex_unlock(&watching);
}

/* The name of a watched file changed, or it is gone (`to` is NULL). */
static void renamed(const char *from, const char *to) {
    if (!control || !control->watched[0]) return;
    pthread_mutex_lock(&watching);
    struct watch *old = to ? watch_of(to, 0) : NULL;
    struct watch *watch = watch_of(from, 0);
    if (old) old->path[0] = 0;
    if (watch && to) snprintf(watch->path, TEXT, "%s", to);
    if (watch && !to) watch->path[0] = 0;
    pthread_mutex_unlock(&watching);
}

/* ----------------------------------------------------------------------------------------------------------- writes */

ssize_t write(int handle, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!busy() || handle <= 2) return real(handle, bytes, size);
    ssize_t most = allowed(handle, size);
    if (most < 0) return -1;
    off_t at = lseek(handle, 0, SEEK_CUR);
    if (at >= 0) note(handle, fcntl(handle, F_GETFL) & O_APPEND ? lseek(handle, 0, SEEK_END) : at, most);
    return real(handle, bytes, (size_t)most);
}

ssize_t pwrite64(int handle, const void *bytes, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (!busy()) return real(handle, bytes, size, offset);
    ssize_t most = allowed(handle, size);
    if (most < 0) return -1;
    note(handle, offset, most);
    return real(handle, bytes, (size_t)most, offset);
}

ssize_t pwrite(int handle, const void *bytes, size_t size, off_t offset) {
    return pwrite64(handle, bytes, size, offset);
}

static size_t total(const struct iovec *parts, int count) {
    size_t size = 0;
    for (int i = 0; i < count; i++) size += parts[i].iov_len;
    return size;
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (!busy() || handle <= 2) return real(handle, parts, count);
    if (allowed(handle, total(parts, count)) < 0) return -1;
    off_t at = lseek(handle, 0, SEEK_CUR);
    if (at >= 0) note(handle, at, (int64_t)total(parts, count));
    return real(handle, parts, count);
}

ssize_t pwritev64(int handle, const struct iovec *parts, int count, off64_t offset) {
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
    if (!busy()) return real(handle, parts, count, offset);
    if (allowed(handle, total(parts, count)) < 0) return -1;
    note(handle, offset, (int64_t)total(parts, count));
    return real(handle, parts, count, offset);
}

ssize_t pwritev(int handle, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(handle, parts, count, offset);
}

int ftruncate64(int handle, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    char path[TEXT];
    if (busy() && path_of(handle, path) && refused(path, TRUNCATES)) return -1;
    return real(handle, size);
}

int ftruncate(int handle, off_t size) { return ftruncate64(handle, size); }

int fallocate64(int handle, int mode, off64_t offset, off64_t size) {
    REAL(int, "fallocate64", int, int, off64_t, off64_t);
    char path[TEXT];
    if (busy() && path_of(handle, path) && refused(path, WRITES)) return -1;
    return real(handle, mode, offset, size);
}

int fallocate(int handle, int mode, off_t offset, off_t size) { return fallocate64(handle, mode, offset, size); }

int posix_fallocate64(int handle, off64_t offset, off64_t size) { /* returns the error, sets no errno */
    REAL(int, "posix_fallocate64", int, off64_t, off64_t);
    char path[TEXT];
    if (busy() && path_of(handle, path) && refused(path, WRITES)) return errno;
    return real(handle, offset, size);
}

int posix_fallocate(int handle, off_t offset, off_t size) { return posix_fallocate64(handle, offset, size); }

/* ------------------------------------------------------------------------------------------------------------ syncs */

static int synced(int handle, int (*real)(int)) {
    char path[TEXT];
    if (control && control->sync_delay_us) usleep(control->sync_delay_us);
    if (!busy() || !path_of(handle, path)) return real(handle);
    if (refused(path, SYNCS)) return -1;
    uint32_t count = control->watched[0] ? noted(path) : 0;
    int result = real(handle);
    if (!result && count) forget(path, count);
    return result;
}

int fsync(int handle) {
    REAL(int, "fsync", int);
    return synced(handle, real);
}

int fdatasync(int handle) {
    REAL(int, "fdatasync", int);
    return synced(handle, real);
}

/* ------------------------------------------------------------------------------------------------------------ names */

static int new_refused(const char *path, int flags) {
    return busy() && (flags & O_CREAT) && access(path, F_OK) && refused(path, CREATES);
}

static mode_t mode_of(int flags, va_list list) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(list, int) : 0;
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return new_refused(path, flags) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    REAL(int, "open", const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return new_refused(path, flags) ? -1 : real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    REAL(int, "openat", int, const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return path[0] == '/' && new_refused(path, flags) ? -1 : real(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    REAL(int, "openat64", int, const char *, int, ...);
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return path[0] == '/' && new_refused(path, flags) ? -1 : real(folder, path, flags, mode);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    if (busy() && access(path, F_OK) && refused(path, CREATES)) return -1;
    return real(path, mode);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    int result = real(from, to);
    if (!result) renamed(from, to);
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    int result = real(path);
    if (!result) renamed(path, NULL);
    return result;
}

/* ------------------------------------------------------------------------------------------------------------ clock */

int clock_gettime(clockid_t which, struct timespec *at) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real(which, at);
    if (result || !control || !control->clock_ns) return result;
    if (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE) return result;
    int64_t moved = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec + control->clock_ns;
    at->tv_sec = moved / 1000000000;
    at->tv_nsec = moved % 1000000000;
    return result;
}

int gettimeofday(struct timeval *at, void *zone) {
    REAL(int, "gettimeofday", struct timeval *, void *);
    int result = real(at, zone);
    if (!result && control) at->tv_sec += control->clock_ns / 1000000000;
    return result;
}

time_t time(time_t *at) {
    REAL(time_t, "time", time_t *);
    time_t found = real(NULL) + (control ? control->clock_ns / 1000000000 : 0);
    if (at) *at = found;
    return found;
}

/* The kernel's clock is not moved, so a wait until a moment of the moved clock is a wait until another one of the
 * kernel's. (What a wait that is under way does when the clock is set back cannot be shown in this way.) */
static struct timespec theirs(const struct timespec *until) {
    int64_t moved = control ? control->clock_ns : 0;
    /* No machine has been up for thirty years: so late a moment is one of CLOCK_REALTIME. */
    if (!moved || until->tv_sec < 1000000000) return *until;
    int64_t nanos = (int64_t)until->tv_sec * 1000000000 + until->tv_nsec - moved;
    return (struct timespec){.tv_sec = nanos / 1000000000, .tv_nsec = nanos % 1000000000};
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    typedef int (*wait_t)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    static wait_t real;
    /* The symbol has two versions on some machines, and the older one has another layout of the condition. */
    if (!real) real = (wait_t)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real) real = (wait_t)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec moment = theirs(until);
    return real(condition, mutex, &moment);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    REAL(int, "cnd_timedwait", cnd_t *, mtx_t *, const struct timespec *);
    struct timespec moment = theirs(until);
    return real(condition, mutex, &moment);
}

/* ------------------------------------------------------------------------------------------------------------ reach */

/* The embedded database engine is loaded with RTLD_DEEPBIND, so that its calls go past us to libc. Its table of
 * addresses is set to our functions after it is loaded. */

static const struct {
    const char *name;
    void *ours;
} REPLACED[] = {
    {"write", write},         {"writev", writev},           {"pwrite", pwrite},           {"pwrite64", pwrite64},
    {"pwritev", pwritev},     {"pwritev64", pwritev64},     {"ftruncate", ftruncate},     {"ftruncate64", ftruncate64},
    {"fallocate", fallocate}, {"fallocate64", fallocate64}, {"fsync", fsync},             {"fdatasync", fdatasync},
    {"open", open},           {"open64", open64},           {"openat", openat},           {"openat64", openat64},
    {"mkdir", mkdir},         {"rename", rename},           {"unlink", unlink},
    {"posix_fallocate", posix_fallocate},                   {"posix_fallocate64", posix_fallocate64},
    {"gettimeofday", gettimeofday},                         {"time", time},
};

static void replace(void **slot, const char *name) {
    for (size_t i = 0; i < sizeof REPLACED / sizeof REPLACED[0]; i++) {
        if (strcmp(name, REPLACED[i].name)) continue;
        uintptr_t page = (uintptr_t)slot & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
        if (mprotect((void *)page, (size_t)((uintptr_t)(slot + 1) - page), PROT_READ | PROT_WRITE)) return;
        *slot = REPLACED[i].ours;
        return;
    }
}

static void reach(struct link_map *map) {
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    const ElfW(Rela) *tables[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB) symbols = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_STRTAB) names = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_JMPREL) tables[0] = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_PLTRELSZ) sizes[0] = entry->d_un.d_val;
        if (entry->d_tag == DT_RELA) tables[1] = (const void *)entry->d_un.d_ptr;
        if (entry->d_tag == DT_RELASZ) sizes[1] = entry->d_un.d_val;
    }
    if (!symbols || !names) return;
    for (int kind = 0; kind < 2; kind++)
        for (size_t i = 0; tables[kind] && i < sizes[kind] / sizeof(ElfW(Rela)); i++) {
            const ElfW(Rela) *entry = &tables[kind][i];
            uint32_t symbol = (uint32_t)ELF64_R_SYM(entry->r_info);
            if (!symbol || symbols[symbol].st_shndx != SHN_UNDEF || entry->r_addend) continue;
            replace((void **)(map->l_addr + entry->r_offset), names + symbols[symbol].st_name);
        }
}

void *dlopen(const char *path, int flags) {
    REAL(void *, "dlopen", const char *, int);
    void *library = real(path, flags);
    struct link_map *map = NULL;
    if (library && control && path && (flags & RTLD_DEEPBIND) && !dlinfo(library, RTLD_DI_LINKMAP, &map)) reach(map);
    return library;
}
