// What the harness needs of a Verilated model; model.cpp implements it for each one.
#pragma once

#include <cstdint>
#include <memory>

class VerilatedContext;

struct Model {
    virtual ~Model() = default;
    // One half of a clock cycle.
    virtual void eval(bool clk, bool rst_n) = 0;
    // Runs the `final` blocks, which report the counters.
    virtual void finish() = 0;
    // False where the model was built without trace.
    virtual bool open_trace(const char* path) = 0;
    virtual void dump(uint64_t time) = 0;
};

std::unique_ptr<Model> make_model(VerilatedContext& context);
