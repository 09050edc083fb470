// Random numbers of sources and sinks. A simulation and the cycle model share them, and so see the same stalls.
#pragma once

#include <cstdint>

// xorshift64*: one per stream, so that adding a stream changes no other.
struct Random {
    uint64_t state = 1;
    void seed(uint64_t seed, uint64_t stream) {
        state = seed * 0x9E3779B97F4A7C15ull + (stream + 1) * 0xD1B54A32D192ED03ull;
        if (!state) state = 1;
        for (int i = 0; i < 4; i++) next();
    }
    uint32_t next() {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return static_cast<uint32_t>((state * 0x2545F4914F6CDD1Dull) >> 32);
    }
};
