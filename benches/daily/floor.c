/* The least that any job on this database can take: the rows of the day fetched and dropped, the rows of the result
 * sent and committed. Nothing is computed. Connections are made before the clock starts.
 *
 *   floor read  HOST PORT USER PASSWORD DATABASE BOUND BOUND [BOUND...]   a connection for each two neighbours
 *   floor write HOST PORT USER PASSWORD DATABASE TABLE FILE keep|replace  one LOAD DATA, one transaction
 *
 * Prints the rows and the nanoseconds.
 */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST 16

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

static long long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static MYSQL *open_connection(char **argv)
{
    MYSQL *connection = mysql_init(NULL);
    unsigned int yes = 1;
    if (!connection)
        fail("out of memory");
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &yes);
    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(connection, argv[2], argv[4], argv[5], argv[6], (unsigned)atoi(argv[3]), NULL, 0))
        fail(mysql_error(connection));
    return connection;
}

struct part {
    MYSQL *connection;
    const char *from, *to;
    long long rows;
};

static void *read_part(void *argument)
{
    struct part *part = argument;
    char query[512];
    snprintf(query, sizeof query,
             "SELECT partner_id, vote_type, cc, ecc, voted_at FROM votes FORCE INDEX (votes_by_time) "
             "WHERE voted_at >= '%s' AND voted_at < '%s'",
             part->from, part->to);
    if (mysql_query(part->connection, query))
        fail(mysql_error(part->connection));
    MYSQL_RES *result = mysql_use_result(part->connection);
    if (!result)
        fail(mysql_error(part->connection));
    while (mysql_fetch_row(result))
        part->rows++;
    if (mysql_errno(part->connection))
        fail(mysql_error(part->connection));
    mysql_free_result(result);
    return NULL;
}

static void read_parts(int argc, char **argv)
{
    int parts = argc - 8;
    struct part part[MOST];
    pthread_t thread[MOST];
    long long rows = 0;
    if (parts < 1 || parts > MOST)
        fail("too few or too many bounds");
    for (int i = 0; i < parts; i++)
        part[i] = (struct part){open_connection(argv), argv[7 + i], argv[8 + i], 0};
    long long began = nanoseconds();
    for (int i = 0; i < parts; i++)
        if (pthread_create(&thread[i], NULL, read_part, &part[i]))
            fail("no thread");
    for (int i = 0; i < parts; i++) {
        pthread_join(thread[i], NULL);
        rows += part[i].rows;
    }
    printf("%lld %lld\n", rows, nanoseconds() - began);
}

static void write_file(int argc, char **argv)
{
    if (argc != 10)
        fail("write takes a table, a file, and keep or replace");
    MYSQL *connection = open_connection(argv);
    char query[4096];
    if (snprintf(query, sizeof query, "LOAD DATA LOCAL INFILE '%s' %s INTO TABLE %s", argv[8],
                 strcmp(argv[9], "replace") ? "" : "REPLACE", argv[7]) >= (int)sizeof query)
        fail("the file's name is too long");
    long long began = nanoseconds();
    if (mysql_query(connection, query))
        fail(mysql_error(connection));
    printf("%lld %lld\n", (long long)mysql_affected_rows(connection), nanoseconds() - began);
}

int main(int argc, char **argv)
{
    if (argc < 8 || mysql_library_init(0, NULL, NULL))
        fail("too few arguments");
    if (!strcmp(argv[1], "read"))
        read_parts(argc, argv);
    else
        write_file(argc, argv);
    return 0;
}
