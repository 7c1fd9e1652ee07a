/* Counts which cache lines the emulated processors touch: a plugin for QEMU's translator (its docs/devel/tcg-plugins.rst).
 * In: a file's name, the two processors to be compared, and a signal (SIGRTMIN+5) at the beginning and the end of each of two
 * windows. Out: for each processor and window what it wrote in all,
 *
 *     total PROCESSOR WINDOW USER_WRITES USER_LOCKED KERNEL_WRITES KERNEL_LOCKED
 *
 * and then each cache line that one of the two wrote and the other touched, first as the first did in both windows, then as the
 * second did; addresses are hexadecimal, and the writers are up to four instructions of each that wrote to it in the second window:
 *
 *     PHYSICAL VIRTUAL { WRITES LOCKED READS } x 4 { WRITER,... } x 2
 *
 * The declarations are those of qemu-plugin.h, which Debian has no package of, version 1 of the interface. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { CALLBACK_NO_REGISTERS = 0 };
enum { MEMORY_READ_AND_WRITE = 3 };
typedef void (*tb_callback)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*memory_callback)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *);
typedef void (*exit_callback)(qemu_plugin_id_t, void *);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, tb_callback);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, memory_callback, int, int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_callback, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t, uint64_t);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);

EXPORT int qemu_plugin_version = 1;

enum { LINE_BITS = 6, WINDOWS = 2, CPUS = 2, WRITERS = 4, SLOTS = 1 << 20 };

struct line {
    uint64_t key; /* the line's number and 1, 0 where there is none */
    uint64_t virtual_address;
    uint64_t writer[WRITERS]; /* in the second window, each once; those that came last */
    uint32_t writers;         /* ever noted */
    uint32_t writes[WINDOWS], locked[WINDOWS], reads[WINDOWS];
};

/* A table for each processor, which its thread alone writes. */
static struct line *table[CPUS];
static unsigned cpu_number[CPUS];
static const char *output;
/* 0 before the first window, 1 in it, 2 between the two, 3 in the second, 4 behind it. */
static atomic_int phase;
static atomic_ulong lost;

static void next_phase(int signal) {
    (void)signal;
    atomic_fetch_add(&phase, 1);
}

static struct line *find(struct line *lines, uint64_t number) {
    uint64_t at = number * 0x9e3779b97f4a7c15u >> 44;
    for (unsigned tries = 0; tries < 64; tries++, at = (at + 1) % SLOTS) {
        if (lines[at].key == number + 1 || lines[at].key == 0) return &lines[at];
    }
    return NULL;
}

static void note_writer(struct line *line, uint64_t address) {
    for (int at = 0; at < WRITERS; at++) {
        if (line->writer[at] == address) return;
    }
    line->writer[line->writers++ % WRITERS] = address;
}

/* `instruction`: its address, and whether it locks. */
static void on_memory(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *instruction) {
    int now = atomic_load_explicit(&phase, memory_order_relaxed);
    if (now != 1 && now != 3) return;
    int side = cpu == cpu_number[0] ? 0 : cpu == cpu_number[1] ? 1 : -1;
    if (side < 0) return;
    struct qemu_plugin_hwaddr *place = qemu_plugin_get_hwaddr(info, address);
    if (!place || qemu_plugin_hwaddr_is_io(place)) return;
    struct line *line = find(table[side], qemu_plugin_hwaddr_phys_addr(place) >> LINE_BITS);
    if (!line) {
        atomic_fetch_add(&lost, 1);
        return;
    }
    int window = now / 2;
    const uint64_t *of = instruction;
    line->key = (qemu_plugin_hwaddr_phys_addr(place) >> LINE_BITS) + 1;
    line->virtual_address = address;
    if (qemu_plugin_mem_is_store(info)) {
        line->writes[window]++;
        line->locked[window] += of[1] != 0;
        if (window == 1) note_writer(line, of[0]);
    } else {
        line->reads[window]++;
    }
}

/* The prefix LOCK, or an exchange with memory, which locks without it. */
static bool is_locked(const uint8_t *octets, size_t count) {
    for (size_t at = 0; at < count; at++) {
        uint8_t octet = octets[at];
        if (octet == 0xf0) return true;
        if (octet == 0x66 || octet == 0x2e || octet == 0x3e || octet == 0x64 || octet == 0x65 || (octet & 0xf0) == 0x40) continue;
        return octet == 0x86 || octet == 0x87;
    }
    return false;
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    for (size_t at = 0; at < qemu_plugin_tb_n_insns(block); at++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, at);
        /* Never freed: the block may be used as long as the emulator runs. */
        uint64_t *of = malloc(2 * sizeof *of);
        if (!of) abort();
        of[0] = qemu_plugin_insn_vaddr(instruction);
        of[1] = is_locked(qemu_plugin_insn_data(instruction), qemu_plugin_insn_size(instruction));
        qemu_plugin_register_vcpu_mem_cb(instruction, on_memory, CALLBACK_NO_REGISTERS, MEMORY_READ_AND_WRITE, of);
    }
}

static bool is_user(const struct line *line) {
    return line->virtual_address >> 47 == 0;
}

static void print_totals(FILE *file) {
    for (int side = 0; side < CPUS; side++) {
        for (int window = 0; window < WINDOWS; window++) {
            uint64_t writes[2] = {0, 0}, locked[2] = {0, 0};
            for (size_t at = 0; at < SLOTS; at++) {
                const struct line *line = &table[side][at];
                writes[is_user(line)] += line->writes[window];
                locked[is_user(line)] += line->locked[window];
            }
            fprintf(file, "total %d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", side, window, writes[1], locked[1], writes[0],
                    locked[0]);
        }
    }
}

static void print(FILE *file, const struct line *line) {
    for (int window = 0; window < WINDOWS; window++) {
        fprintf(file, " %u %u %u", line->writes[window], line->locked[window], line->reads[window]);
    }
}

static void print_writers(FILE *file, const struct line *line) {
    for (int at = 0; at < WRITERS; at++) {
        fprintf(file, "%c%" PRIx64, at == 0 ? ' ' : ',', line->writer[at]);
    }
}

static uint32_t written(const struct line *line) {
    return line->writes[0] + line->writes[1];
}

static void at_exit(qemu_plugin_id_t id, void *data) {
    (void)id, (void)data;
    FILE *file = fopen(output, "w");
    if (!file) abort();
    fprintf(file, "windows %d lost %lu\n", atomic_load(&phase) / 2, atomic_load(&lost));
    print_totals(file);
    for (size_t at = 0; at < SLOTS; at++) {
        const struct line *one = &table[0][at];
        if (one->key == 0) continue;
        const struct line *other = find(table[1], one->key - 1);
        if (!other || other->key == 0 || written(one) + written(other) == 0) continue;
        fprintf(file, "%" PRIx64 " %" PRIx64, (one->key - 1) << LINE_BITS, one->virtual_address);
        print(file, one);
        print(file, other);
        print_writers(file, one);
        print_writers(file, other);
        fputc('\n', file);
    }
    fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int count, char **arguments) {
    (void)info;
    for (int at = 0; at < count; at++) {
        if (strncmp(arguments[at], "output=", 7) == 0) output = strdup(arguments[at] + 7);
        if (strncmp(arguments[at], "first=", 6) == 0) cpu_number[0] = strtoul(arguments[at] + 6, NULL, 10);
        if (strncmp(arguments[at], "second=", 7) == 0) cpu_number[1] = strtoul(arguments[at] + 7, NULL, 10);
    }
    if (!output || cpu_number[0] == cpu_number[1]) {
        fprintf(stderr, "writes: output=FILE,first=CPU,second=CPU are wanted\n");
        return 1;
    }
    for (int side = 0; side < CPUS; side++) {
        table[side] = calloc(SLOTS, sizeof **table);
        if (!table[side]) return 1;
    }
    struct sigaction action = {.sa_handler = next_phase, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN + 5, &action, NULL);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
