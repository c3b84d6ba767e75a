/* Writes down what a program does to a SQLite file and its log, in order, so that a power cut can be played afterwards.
   For LD_PRELOAD; POWER_JOURNAL names the file. One record: deed, file, offset, length, and the bytes of a write. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, TRUNCATE, SYNC };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;

static int ends_with(const char *path, const char *end) {
    size_t all = strlen(path), some = strlen(end);
    return all >= some && strcmp(path + all - some, end) == 0;
}

static int file_of(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    return ends_with(path, "signet.db") ? 0 : ends_with(path, "signet.db-wal") ? 1 : -1;
}

static void note(uint8_t deed, int file, int64_t offset, const void *data, int64_t length) {
    uint8_t head[18] = {deed, (uint8_t)file};
    if (journal < 0) journal = open(getenv("POWER_JOURNAL"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &length, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, deed == WRITE ? (size_t)length : 0}};
    if (syscall(SYS_writev, journal, parts, 2) != (long)(parts[0].iov_len + parts[1].iov_len)) abort();
}

static ssize_t write_at(int fd, const void *data, size_t length, int64_t offset, int here) {
    int file = file_of(fd);
    if (file < 0) return here ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
    pthread_mutex_lock(&turn);
    if (here) offset = lseek(fd, 0, SEEK_CUR);
    ssize_t done = here ? syscall(SYS_write, fd, data, length) : syscall(SYS_pwrite64, fd, data, length, offset);
    if (done > 0) note(WRITE, file, offset, data, done);
    pthread_mutex_unlock(&turn);
    return done;
}

static int changed(int fd, uint8_t deed, long call, int64_t length) {
    int file = file_of(fd);
    if (file < 0) return (int)syscall(call, fd, length);
    pthread_mutex_lock(&turn);
    int failed = (int)syscall(call, fd, length);
    if (!failed) note(deed, file, 0, NULL, length);
    pthread_mutex_unlock(&turn);
    return failed;
}

ssize_t write(int fd, const void *data, size_t length) { return write_at(fd, data, length, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return write_at(fd, data, length, at, 0); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return write_at(fd, data, length, at, 0); }
int ftruncate(int fd, off_t length) { return changed(fd, TRUNCATE, SYS_ftruncate, length); }
int ftruncate64(int fd, off64_t length) { return changed(fd, TRUNCATE, SYS_ftruncate, length); }
int fsync(int fd) { return changed(fd, SYNC, SYS_fsync, 0); }
int fdatasync(int fd) { return changed(fd, SYNC, SYS_fdatasync, 0); }
