// Simulated board around a Verilated accelerator_ps: memory, the registers of an AXI DMA (PG021, direct register mode,
// 26-bit lengths) and of the accelerator, driven by requests on standard input, answered on standard output.
//
// Requests, little-endian: a letter and its arguments.
//   r u8 region, u32 offset            -> u8 ok, u32 value     region 0: accelerator, 1: DMA
//   w u8 region, u32 offset, u32 value -> u8 ok
//   s u32 address, u32 size, bytes     -> u8 ok                 store in memory
//   l u32 address, u32 size            -> u8 ok, bytes          load from memory
//   f u32 fault, u32 value             -> u8 ok                 plant a fault (see Fault)
//   i                                  -> u8 ok, u64 cycles, u32 protocol faults seen
// Time passes with register accesses only: `idle` cycles with each, `busy` while a transfer runs.
// Arguments: WORD_BITS MEMORY_BYTES SEED STALL_PERCENT.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include <svdpi.h>
#include <verilated.h>

#include "harness.hpp"

namespace {

constexpr uint32_t kIdleCycles = 16;
constexpr uint32_t kBusyCycles = 1024;
constexpr uint32_t kAccessLimit = 4096;
constexpr uint32_t kResetCycles = 8;
constexpr uint64_t kMemoryBase = 0x10000000;  // below it nothing answers
constexpr uint32_t kLengthMask = (1u << 26) - 1;

// Settable faults; `value` of the request is the number of the word, from 0, or 1 to switch on.
enum Fault : uint32_t {
    kNone = 0,
    kCutOutput = 1,     // the receive channel sees tlast with word `value`
    kHoldInput = 2,     // the send channel stops before word `value`
    kSlaveError = 3,    // the receive channel meets a slave error at word `value`
    kNoReset = 4,       // the DMA's reset never ends
    kWrongWord = 5,     // word `value` of the output has its lowest bit turned
};

[[noreturn]] void fail(const char* message) {
    std::fprintf(stderr, "board: %s\n", message);
    std::exit(1);
}

struct Channel {
    bool run = false, halted = true, idle = false, active = false;
    uint32_t control = 0, errors = 0, irq = 0, length = 0;
    uint64_t address = 0;
    uint32_t done = 0;  // bytes

    void reset() { *this = Channel{}; }

    uint32_t status() const { return (halted ? 1u : 0u) | (idle ? 2u : 0u) | errors | irq; }

    void write_control(uint32_t value) {
        control = value & ~4u;
        run = value & 1u;
        if (run && !errors) halted = false;
        if (!run && !active) halted = true;
    }

    void start(uint32_t bytes) {
        if (!run || halted || active || errors) return;
        length = bytes & kLengthMask;
        done = 0;
        idle = false;
        if (length == 0) return fault(0x10);
        active = true;
    }

    void fault(uint32_t bit) {
        errors |= bit;
        irq |= 0x4000;
        active = false;
        halted = true;
    }

    void complete() {
        active = false;
        idle = true;
        irq |= 0x1000;
        if (!run) halted = true;
    }
};

struct Board {
    uint32_t word_bytes = 0;
    std::vector<uint8_t> memory;
    uint64_t random = 0;
    uint32_t stall_percent = 0;
    Channel send, receive;
    uint32_t resetting = 0;
    uint32_t fault = kNone, fault_value = 0;
    uint64_t cycle = 0;
    uint32_t protocol_faults = 0;
    bool powered = false;  // the reset after power-on is over: what registers hold before means nothing
    // What is driven now.
    bool aw = false, w = false, b = false, ar = false, r = false, s_valid = false, s_last = false, m_ready = false;
    uint32_t driven = 0;
    bool write_done = false, read_done = false;
    uint32_t address = 0, wdata = 0, rdata = 0;
    uint8_t word[16] = {};

    bool stalls() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random % 100 < stall_percent;
    }

    bool busy() const { return send.active || receive.active || resetting; }

    // Memory at a physical address; null where there is none.
    uint8_t* at(uint64_t address, uint64_t size) {
        const uint64_t offset = address - kMemoryBase;
        return address >= kMemoryBase && offset + size <= memory.size() ? &memory[offset] : nullptr;
    }

    void reset_dma() {
        send.reset();
        receive.reset();
        s_valid = m_ready = false;
        resetting = 0;
    }

    void step_send(bool ready) {
        if (s_valid && ready) {
            s_valid = false;
            send.done += word_bytes;
            if (send.done >= send.length) send.complete();
        }
        if (s_valid || !send.active || send.done >= send.length || stalls()) return;
        if (fault == kHoldInput && send.done / word_bytes >= fault_value) return;
        const uint8_t* const from = at(send.address + send.done, word_bytes);
        if (!from) return send.fault(0x40);
        std::memcpy(word, from, word_bytes);
        s_valid = true;
        s_last = send.done + word_bytes >= send.length;
    }

    void step_receive(bool valid, bool last, const svBitVecVal* data) {
        if (m_ready && valid) {
            const uint32_t number = receive.done / word_bytes;
            uint8_t* const to = at(receive.address + receive.done, word_bytes);
            if (fault == kSlaveError && number == fault_value) {
                receive.fault(0x20);
            } else if (!to) {
                receive.fault(0x40);
            } else if (receive.done + word_bytes > receive.length) {
                receive.fault(0x10);  // the packet is longer than the buffer
            } else {
                std::memcpy(to, data, word_bytes);
                if (fault == kWrongWord && number == fault_value) *to ^= 1;
                receive.done += word_bytes;
                if (last || (fault == kCutOutput && number == fault_value)) {
                    receive.length = receive.done;
                    receive.complete();
                }
            }
        }
        m_ready = receive.active && !stalls();
    }

    void step(uint32_t flags, uint32_t data, const svBitVecVal* out) {
        // A handshake needs what was driven before this edge, not what a request has asked for since.
        const uint32_t met = flags & driven;
        if (met & 1) aw = false;
        if (met & 2) w = false;
        if (met & 4) write_done = true, b = false;
        if (met & 8) ar = false;
        if (met & 16) read_done = true, r = false, rdata = data;
        step_send(flags & 32);
        step_receive(flags & 64, flags & 128, out);
        if (resetting && fault != kNoReset && --resetting == 0) reset_dma();
    }

    uint32_t read_dma(uint32_t offset) const {
        const Channel& c = offset < 0x30 ? send : receive;
        switch (offset % 0x30) {
            case 0x00: return c.control | (resetting ? 4u : 0u);
            case 0x04: return c.status();
            case 0x18: return static_cast<uint32_t>(c.address);
            case 0x1c: return static_cast<uint32_t>(c.address >> 32);
            case 0x28: return c.length;
            default: return 0;
        }
    }

    void write_dma(uint32_t offset, uint32_t value) {
        Channel& c = offset < 0x30 ? send : receive;
        switch (offset % 0x30) {
            case 0x00:
                if (value & 4u) resetting = kResetCycles;  // either channel's bit resets the whole engine
                else c.write_control(value);
                break;
            case 0x04: c.irq &= ~(value & 0x7000u); break;
            case 0x18: c.address = (c.address & ~0xffffffffull) | value; break;
            case 0x1c: c.address = (c.address & 0xffffffffull) | (static_cast<uint64_t>(value) << 32); break;
            case 0x28: c.start(value); break;
            default: break;
        }
    }
};

Board board;

struct Server {
    Model& model;

    void tick(bool rst_n = true) {
        model.eval(false, rst_n);
        model.eval(true, rst_n);
        board.cycle++;
    }

    void pass() {
        const uint32_t cycles = board.busy() ? kBusyCycles : kIdleCycles;
        for (uint32_t i = 0; i < cycles; i++) tick();
    }

    // An AXI-Lite access; false where the accelerator does not answer.
    bool access(bool write, uint32_t offset, uint32_t value) {
        board.address = offset;
        board.wdata = value;
        board.write_done = board.read_done = false;
        if (write) board.aw = board.w = board.b = true;
        else board.ar = board.r = true;
        for (uint32_t i = 0; i < kAccessLimit; i++) {
            tick();
            if (write ? board.write_done : board.read_done) return true;
        }
        return false;
    }
};

bool get(void* data, size_t size) { return std::fread(data, 1, size, stdin) == size; }

template <typename T>
T take() {
    T value;
    if (!get(&value, sizeof value)) fail("a request ends too early");
    return value;
}

template <typename T>
void put(T value) {
    std::fwrite(&value, sizeof value, 1, stdout);
}

void serve(Server& server) {
    uint8_t letter;
    while (get(&letter, 1)) {
        if (letter == 'r') {
            const auto region = take<uint8_t>();
            const auto offset = take<uint32_t>();
            server.pass();
            bool ok = true;
            uint32_t value = 0;
            if (region == 1) value = board.read_dma(offset);
            else if ((ok = server.access(false, offset, 0))) value = board.rdata;
            put<uint8_t>(ok);
            put(value);
        } else if (letter == 'w') {
            const auto region = take<uint8_t>();
            const auto offset = take<uint32_t>();
            const auto value = take<uint32_t>();
            bool ok = true;
            if (region == 1) board.write_dma(offset, value);
            else ok = server.access(true, offset, value);
            for (uint32_t i = 0; i < kIdleCycles; i++) server.tick();
            put<uint8_t>(ok);
        } else if (letter == 's' || letter == 'l') {
            const auto address = take<uint32_t>();
            const auto size = take<uint32_t>();
            uint8_t* const place = board.at(address, size);
            if (!place) fail("an access outside of memory");
            if (letter == 's' && size && !get(place, size)) fail("a request ends too early");
            put<uint8_t>(1);
            if (letter == 'l') std::fwrite(place, 1, size, stdout);
        } else if (letter == 'f') {
            board.fault = take<uint32_t>();
            board.fault_value = take<uint32_t>();
            put<uint8_t>(1);
        } else if (letter == 'i') {
            put<uint8_t>(1);
            put(board.cycle);
            put(board.protocol_faults);
        } else {
            fail("unknown request");
        }
        std::fflush(stdout);
    }
}

}  // namespace

extern "C" {

void a2q_board_step(unsigned flags, unsigned rdata, const svBitVecVal* word, unsigned* drive, unsigned* address,
                    unsigned* wdata, svBitVecVal* sent) {
    board.step(flags, rdata, word);
    board.driven = (board.aw ? 1u : 0u) | (board.w ? 2u : 0u) | (board.b ? 4u : 0u) | (board.ar ? 8u : 0u) |
             (board.r ? 16u : 0u) | (board.s_valid ? 32u : 0u) | (board.s_last ? 64u : 0u) | (board.m_ready ? 128u : 0u);
    *drive = board.driven;
    *address = board.address;
    *wdata = board.wdata;
    std::memcpy(sent, board.word, sizeof board.word);
}

void a2q_board_fault(unsigned kind) {
    if (!board.powered) return;
    board.protocol_faults |= 1u << kind;
    std::fprintf(stderr, "board: cycle %llu: protocol fault %u at the accelerator's ports\n",
                 static_cast<unsigned long long>(board.cycle), kind);
}

// The streams inside have monitors and FIFOs whose depth can be limited; here nobody asks.
unsigned a2q_monitor_open(unsigned, unsigned) { return 0; }
void a2q_monitor_word(unsigned, unsigned, unsigned) {}
void a2q_monitor_beat(unsigned) {}
void a2q_monitor_fault(unsigned id, unsigned kind) {
    if (!board.powered) return;
    board.protocol_faults |= 16u << kind;
    std::fprintf(stderr, "board: protocol fault %u in stream %u\n", kind, id);
}
void a2q_monitor_report(unsigned, uint64_t, uint64_t, unsigned, unsigned) {}
unsigned a2q_fifo_limit(unsigned) { return 0; }
void a2q_fifo_report(unsigned, unsigned) {}

}  // extern "C"

int main(int argc, char** argv) {
    if (argc != 5) fail("usage: board WORD_BITS MEMORY_BYTES SEED STALL_PERCENT");
    board.word_bytes = static_cast<uint32_t>(std::atoi(argv[1])) / 8;
    board.memory.resize(std::strtoull(argv[2], nullptr, 10));
    board.random = std::strtoull(argv[3], nullptr, 10) * 2 + 0x9e3779b97f4a7c15ull;
    board.stall_percent = static_cast<uint32_t>(std::atoi(argv[4]));
    if (board.word_bytes != 4 && board.word_bytes != 8 && board.word_bytes != 16) fail("WORD_BITS is 32, 64 or 128");
    VerilatedContext context;
    context.randSeed(static_cast<int>(board.random & 0x7fffffff) | 1);
    context.randReset(2);
    const auto model = make_model(context);
    Server server{*model};
    for (int i = 0; i < 4; i++) server.tick(false);
    board.powered = true;
    serve(server);
    model->finish();
    return 0;
}
