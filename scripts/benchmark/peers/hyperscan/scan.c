/* Hyperscan's literal matcher as a program, for the benchmark.
 *
 *   hyperscan build LIST DATABASE   compiles a list of one literal a line
 *   hyperscan scan DATABASE FILE... prints FILE:OFFSET of every match
 *
 * Files are read in blocks of 1 MiB that end at a line's end, which is how the
 * library is used on logs. On standard error: "setup CPU WALL scan CPU WALL" in
 * seconds; setup is reading the database.
 */
#include <errno.h>
#include <fcntl.h>
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

struct place {
	const char *file;
	unsigned long long base; /* offset of the block in the file */
};

static void die(const char *what, const char *why) {
	fprintf(stderr, "hyperscan: %s: %s\n", what, why);
	exit(2);
}

static void *must(void *p) {
	if (!p)
		die("memory", strerror(errno));
	return p;
}

static double seconds(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static char *slurp(const char *path, size_t *size) {
	FILE *f = fopen(path, "r");
	struct stat st;
	if (!f || fstat(fileno(f), &st))
		die(path, strerror(errno));
	char *data = must(malloc(st.st_size + 1));
	*size = fread(data, 1, st.st_size, f);
	if (*size != (size_t)st.st_size)
		die(path, "changed while it was read");
	fclose(f);
	data[*size] = 0;
	return data;
}

/* compile makes a database of all lines of a list. */
static hs_database_t *compile(char *text, size_t size) {
	size_t n = 0, lines = 0;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	const char **lit = must(malloc((lines + 1) * sizeof *lit));
	size_t *len = must(malloc((lines + 1) * sizeof *len));
	unsigned *id = must(malloc((lines + 1) * sizeof *id)), *flags = must(calloc(lines + 1, sizeof *flags));
	for (char *p = text, *end = text + size; p < end;) {
		char *q = memchr(p, '\n', end - p);
		if (!q)
			q = end;
		if (q > p) {
			lit[n] = p;
			len[n] = q - p;
			id[n] = n;
			n++;
		}
		p = q + 1;
	}
	hs_database_t *db;
	hs_compile_error_t *err;
	if (hs_compile_lit_multi(lit, flags, id, len, n, HS_MODE_BLOCK, NULL, &db, &err) != HS_SUCCESS)
		die("compile", err->message);
	return db;
}

static int build(const char *list, const char *to) {
	size_t size;
	char *bytes, *text = slurp(list, &size);
	hs_database_t *db = compile(text, size);
	if (hs_serialize_database(db, &bytes, &size) != HS_SUCCESS)
		die(to, "cannot be serialised");
	FILE *f = fopen(to, "w");
	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
		die(to, strerror(errno));
	return 0;
}

static int matched(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
	(void)id, (void)from, (void)flags;
	struct place *p = context;
	printf("%s:%llu\n", p->file, p->base + to - 1);
	return 0;
}

/* scan_file scans whole lines; what is left of the last one goes before the next block. */
static void scan_file(hs_database_t *db, hs_scratch_t *scratch, const char *file) {
	int fd = open(file, O_RDONLY);
	if (fd < 0)
		die(file, strerror(errno));
	size_t size = BLOCK, have = 0;
	char *buf = must(malloc(size));
	struct place at = {file, 0};
	for (ssize_t n;; ) {
		if (have == size)
			buf = must(realloc(buf, size *= 2)); /* a line longer than a block */
		n = read(fd, buf + have, size - have);
		if (n < 0)
			die(file, strerror(errno));
		have += n;
		char *end = n ? memrchr(buf, '\n', have) : NULL;
		size_t cut = end ? (size_t)(end - buf) + 1 : n ? 0 : have;
		if (cut && hs_scan(db, buf, cut, 0, scratch, matched, &at) != HS_SUCCESS)
			die(file, "hs_scan failed");
		if (!n)
			break;
		have -= cut;
		at.base += cut;
		memmove(buf, buf + cut, have);
	}
	free(buf);
	close(fd);
}

static int scan(const char *database, char **files, int n) {
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	size_t size;
	char *bytes = slurp(database, &size);
	hs_database_t *db;
	hs_scratch_t *scratch = NULL;
	if (hs_deserialize_database(bytes, size, &db) != HS_SUCCESS || hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		die(database, "is no database of this version");
	free(bytes);
	double cpu1 = seconds(CLOCK_PROCESS_CPUTIME_ID), wall1 = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		scan_file(db, scratch, files[i]);
	if (fflush(stdout))
		die("standard output", strerror(errno));
	fprintf(stderr, "setup %.6f %.6f scan %.6f %.6f\n", cpu1 - cpu, wall1 - wall,
		seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu1, seconds(CLOCK_MONOTONIC) - wall1);
	return 0;
}

int main(int argc, char **argv) {
	if (argc == 4 && !strcmp(argv[1], "build"))
		return build(argv[2], argv[3]);
	if (argc >= 4 && !strcmp(argv[1], "scan"))
		return scan(argv[2], argv + 3, argc - 3);
	fprintf(stderr, "usage: hyperscan build LIST DATABASE\n       hyperscan scan DATABASE FILE...\n");
	return 2;
}
