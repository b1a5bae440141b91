/* Runs a program and says what it took: `measure FILE PROGRAM [ARGUMENT...]` writes into FILE the nanoseconds of the
 * clock, the microseconds of the processors, and the most kilobytes it had in memory, as the kernel counted them.
 * It ends as the program ended.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    FILE *out = fopen(argv[1], "we");
    if (!out) {
        perror(argv[1]);
        return 2;
    }
    long long began = nanoseconds();
    pid_t child = vfork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 2;
    }
    long long clock = nanoseconds() - began;
    fprintf(out, "%lld %lld %ld\n", clock, microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
            usage.ru_maxrss);
    if (fclose(out)) {
        perror(argv[1]);
        return 2;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
