// The least that steps the model: no streams, no counters, no memory of what came. What a simulator is measured against.
//
// The model's DPI functions do nothing: its source always offers the same beat, its sink is always ready.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "Vmodel.h"
#include "verilated.h"

extern "C" {
void a2q_source_open(unsigned, unsigned) {}
unsigned a2q_source_step(unsigned) { return 1; }
unsigned a2q_source_word(unsigned, unsigned) { return 0x5a3c9617; }
void a2q_sink_open(unsigned, unsigned) {}
void a2q_sink_word(unsigned, unsigned, unsigned) {}
void a2q_sink_take(unsigned, unsigned, unsigned) {}
unsigned a2q_sink_ready(unsigned) { return 1; }
void a2q_sink_fault(unsigned, unsigned) {}
unsigned a2q_monitor_open(unsigned, unsigned) { return 0; }
void a2q_monitor_word(unsigned, unsigned, unsigned) {}
void a2q_monitor_beat(unsigned) {}
void a2q_monitor_fault(unsigned, unsigned) {}
void a2q_monitor_report(unsigned, uint64_t, uint64_t, unsigned, unsigned) {}
unsigned a2q_fifo_limit(unsigned) { return 0; }
void a2q_fifo_report(unsigned, unsigned) {}
}

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const long cycles = std::atol(argv[1]);
    VerilatedContext context;
    Vmodel top{&context, "top"};
    for (long cycle = -8; cycle < cycles; cycle++) {
        top.rst_n = cycle >= 0;
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    }
    std::printf("%ld cycles\n", cycles);
    return 0;
}
