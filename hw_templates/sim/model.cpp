// The only part of the harness that sees the Verilated class, and so the only one compiled for every model.
#include "harness.hpp"

#include "Vmodel.h"

#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

struct Verilated_ final : Model {
    explicit Verilated_(VerilatedContext& context) : top{&context, "top"} {}

    void eval(bool clk, bool rst_n) override {
        top.clk = clk;
        top.rst_n = rst_n;
        top.eval();
    }

    void finish() override {
        top.final();
#if VM_TRACE
        if (trace.isOpen()) trace.close();
#endif
    }

    bool open_trace(const char* path) override {
#if VM_TRACE
        top.trace(&trace, 99);
        trace.open(path);
        return trace.isOpen();
#else
        (void)path;
        return false;
#endif
    }

    void dump(uint64_t time) override {
#if VM_TRACE
        trace.dump(time);
#else
        (void)time;
#endif
    }

    Vmodel top;
#if VM_TRACE
    VerilatedVcdC trace;
#endif
};

}  // namespace

std::unique_ptr<Model> make_model(VerilatedContext& context) { return std::make_unique<Verilated_>(context); }
