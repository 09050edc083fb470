// Verilator harness: clocks a model whose streams end in axis_source, axis_sink, axis_monitor and fifo.sv's counters.
//
// Runs in its working directory: reads `job.txt` and `source_<id>.bin`, writes `sink_<id>.bin`, `monitor_<id>.bin`
// (capture), `trace.vcd` (trace), `result.json`, and a heartbeat line on stdout every few seconds. Beats are stored as
// ceil(width/8) bytes each, little-endian. flows/simulate/verilator.py writes the job and reads the result; the key
// words of the job are documented there. The exit status is 0 whenever result.json is complete; deadlock and protocol
// faults are results. Cycle 0 is the first rising edge after the (last) reset.
#include "harness.hpp"
#include "random.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "verilated.h"

namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
constexpr int kResetCycles = 8;
constexpr size_t kMaxFaults = 8;

[[noreturn]] void fail(const std::string& message) {
    std::fprintf(stderr, "error: %s\n", message.c_str());
    std::exit(3);
}

struct Frames {
    std::vector<uint64_t> first, last;
    void clear() {
        first.clear();
        last.clear();
    }
    // Beat number `beat`, `per_frame` a frame, was handed over in `cycle`.
    void add(uint64_t beat, uint64_t per_frame, uint64_t cycle) {
        const uint64_t index = beat % per_frame;
        if (index == 0) first.push_back(cycle);
        if (index + 1 == per_frame) last.push_back(cycle);
    }
};

struct Source {
    bool in_job = false, opened = false, offered = false;
    uint32_t width = 0;
    uint64_t size = 0, per_frame = 0, frames = 0, stall = 0, interval = 0, stored = 0, words = 0;
    bool spread = false;
    std::vector<uint32_t> data;
    uint64_t sent = 0, taken = 0, frame_start = 0, next_frame = 0;
    Frames times;
    Random random;
    void restart() {
        offered = false;
        sent = taken = frame_start = next_frame = 0;
        times.clear();
    }
};

struct Sink {
    bool in_job = false, opened = false;
    uint32_t width = 0;
    uint64_t per_frame = 0, frames = 0, stall = 0;
    std::vector<uint8_t> data;
    uint64_t taken = 0;
    Frames times;
    Random random;
    void restart() {
        data.clear();
        taken = 0;
        times.clear();
    }
};

struct Monitor {
    bool opened = false;
    uint32_t width = 0;
    std::vector<uint8_t> data;
    uint64_t beats = 0, last = kNever, stalls = 0, starves = 0;
    uint32_t valid = 0, ready = 0;
    void restart() {
        data.clear();
        beats = 0;
        last = kNever;
    }
};

struct Fault {
    const char *kind, *where;
    uint32_t id;
    uint64_t cycle;
};

struct Simulation {
    uint64_t seed = 1, max_idle = 10000, extra = 64, reset_at = kNever, reset_cycles = 4;
    bool capture = false, trace = false;
    std::vector<Source> sources;
    std::vector<Sink> sinks;
    std::vector<Monitor> monitors;
    std::map<uint32_t, uint32_t> limits, peaks;

    uint64_t cycle = 0, progress = 0, unfinished = 0;
    std::vector<Fault> faults;

    void fault(const char* kind, const char* where, uint32_t id) {
        if (faults.size() < kMaxFaults) faults.push_back({kind, where, id, cycle});
    }

    void restart() {
        for (auto& source : sources) source.restart();
        for (auto& monitor : monitors) monitor.restart();
        unfinished = 0;
        for (auto& sink : sinks) {
            sink.restart();
            if (sink.in_job && sink.per_frame * sink.frames) unfinished++;
        }
        cycle = progress = 0;
    }
};

Simulation sim;

template <typename T>
T& at(std::vector<T>& all, uint32_t id) {
    if (id >= all.size()) all.resize(id + 1);
    return all[id];
}

void read_job(const char* path) {
    std::ifstream file(path);
    if (!file) fail(std::string("cannot read ") + path);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream in(line);
        std::string key;
        uint32_t id = 0;
        if (!(in >> key)) continue;
        if (key == "seed") in >> sim.seed;
        else if (key == "max_idle") in >> sim.max_idle;
        else if (key == "extra") in >> sim.extra;
        else if (key == "reset") in >> sim.reset_at >> sim.reset_cycles;
        else if (key == "capture") in >> sim.capture;
        else if (key == "trace") in >> sim.trace;
        else if (key == "fifo") {
            in >> id;
            in >> sim.limits[id];
        } else if (key == "source") {
            in >> id;
            Source& s = at(sim.sources, id);
            in >> s.size >> s.per_frame >> s.frames >> s.stall >> s.interval >> s.spread;
            s.in_job = true;
        } else if (key == "sink") {
            in >> id;
            Sink& s = at(sim.sinks, id);
            in >> s.per_frame >> s.frames >> s.stall;
            s.in_job = true;
        } else {
            fail("job.txt: unknown key " + key);
        }
        if (!in) fail("job.txt: cannot read: " + line);
    }
    for (uint32_t id = 0; id < sim.sources.size(); id++) sim.sources[id].random.seed(sim.seed, 2 * id);
    for (uint32_t id = 0; id < sim.sinks.size(); id++) sim.sinks[id].random.seed(sim.seed, 2 * id + 1);
}

void load(uint32_t id, Source& source) {
    const std::string path = "source_" + std::to_string(id) + ".bin";
    std::ifstream file(path, std::ios::binary);
    if (!file) fail("cannot read " + path);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const uint64_t size = source.size;
    if (size != (source.width + 7) / 8) {
        fail(path + " has " + std::to_string(size) + " bytes a beat, the model's source " + std::to_string(id) +
             " takes " + std::to_string(source.width) + " bits");
    }
    source.words = (source.width + 31) / 32;
    source.stored = bytes.size() / size;
    if (bytes.size() % size || (source.stored == 0 && source.per_frame * source.frames)) {
        fail(path + ": " + std::to_string(bytes.size()) + " bytes are not whole beats of " + std::to_string(size));
    }
    source.data.assign(source.stored * source.words, 0);
    for (uint64_t beat = 0; beat < source.stored; beat++) {
        for (uint64_t i = 0; i < size; i++) {
            const auto byte = static_cast<uint8_t>(bytes[beat * size + i]);
            source.data[beat * source.words + i / 4] |= static_cast<uint32_t>(byte) << (8 * (i % 4));
        }
    }
}

void append(std::vector<uint8_t>& data, uint32_t width, uint32_t index, uint32_t word) {
    const uint32_t size = (width + 7) / 8;
    for (uint32_t i = 4 * index; i < size && i < 4 * index + 4; i++) {
        data.push_back(static_cast<uint8_t>(word));
        word >>= 8;
    }
}

void write_file(const std::string& path, const std::vector<uint8_t>& data) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
    file.close();
    if (!file) fail("cannot write " + path);
}

void write_numbers(std::FILE* out, const char* key, const std::vector<uint64_t>& values) {
    std::fprintf(out, ", \"%s\": [", key);
    for (size_t i = 0; i < values.size(); i++) std::fprintf(out, "%s%" PRIu64, i ? ", " : "", values[i]);
    std::fprintf(out, "]");
}

void write_result(bool deadlock) {
    std::FILE* out = std::fopen("result.part", "w");
    if (!out) fail("cannot write result.part");
    std::fprintf(out, "{\"cycles\": %" PRIu64 ", \"deadlock\": %s, \"progress\": %" PRIu64, sim.cycle,
                 deadlock ? "true" : "false", sim.progress);
    std::fprintf(out, ",\n\"faults\": [");
    for (size_t i = 0; i < sim.faults.size(); i++) {
        const Fault& f = sim.faults[i];
        std::fprintf(out, "%s{\"kind\": \"%s\", \"where\": \"%s\", \"id\": %u, \"cycle\": %" PRIu64 "}", i ? ", " : "",
                     f.kind, f.where, f.id, f.cycle);
    }
    std::fprintf(out, "],\n\"sources\": [");
    const char* comma = "";
    for (size_t id = 0; id < sim.sources.size(); id++) {
        const Source& s = sim.sources[id];
        std::fprintf(out, "%s\n{\"width\": %u, \"beats\": %" PRIu64, comma, s.width, s.taken);
        write_numbers(out, "first", s.times.first);
        write_numbers(out, "last", s.times.last);
        std::fprintf(out, "}");
        comma = ",";
    }
    std::fprintf(out, "],\n\"sinks\": [");
    comma = "";
    for (size_t id = 0; id < sim.sinks.size(); id++) {
        const Sink& s = sim.sinks[id];
        write_file("sink_" + std::to_string(id) + ".bin", s.data);
        std::fprintf(out, "%s\n{\"width\": %u, \"beats\": %" PRIu64, comma, s.width, s.taken);
        write_numbers(out, "first", s.times.first);
        write_numbers(out, "last", s.times.last);
        std::fprintf(out, "}");
        comma = ",";
    }
    std::fprintf(out, "],\n\"monitors\": [");
    comma = "";
    for (size_t id = 0; id < sim.monitors.size(); id++) {
        const Monitor& m = sim.monitors[id];
        if (!m.opened) continue;
        if (sim.capture) write_file("monitor_" + std::to_string(id) + ".bin", m.data);
        std::fprintf(out,
                     "%s\n{\"id\": %zu, \"width\": %u, \"beats\": %" PRIu64 ", \"stalls\": %" PRIu64
                     ", \"starves\": %" PRIu64 ", \"valid\": %u, \"ready\": %u, \"last\": %" PRId64 "}",
                     comma, id, m.width, m.beats, m.stalls, m.starves, m.valid, m.ready,
                     m.last == kNever ? int64_t{-1} : static_cast<int64_t>(m.last));
        comma = ",";
    }
    std::fprintf(out, "],\n\"fifos\": [");
    comma = "";
    for (const auto& [id, peak] : sim.peaks) {
        std::fprintf(out, "%s{\"id\": %u, \"peak\": %u}", comma, id, peak);
        comma = ", ";
    }
    std::fprintf(out, "]}\n");
    if (std::fclose(out) || std::rename("result.part", "result.json")) fail("cannot write result.json");
}

// Every stream of the job must exist in the model; the reverse is checked when a stream of the model opens.
void check_opened() {
    for (size_t id = 0; id < sim.sources.size(); id++) {
        if (!sim.sources[id].opened) fail("the model has no source " + std::to_string(id));
    }
    for (size_t id = 0; id < sim.sinks.size(); id++) {
        if (!sim.sinks[id].opened) fail("the model has no sink " + std::to_string(id));
    }
}

class Clock {
  public:
    Clock(Model& model, bool trace) : model_{model}, trace_{trace} {}

    void tick(bool rst_n) {
        model_.eval(false, rst_n);
        if (trace_) model_.dump(time_);
        model_.eval(true, rst_n);
        if (trace_) model_.dump(time_ + 1);
        time_ += 2;
        if ((time_ & 0xfff) == 0) heartbeat();
    }

    void reset(uint64_t cycles) {
        sim.restart();
        for (uint64_t i = 0; i < cycles; i++) tick(false);
        sim.cycle = sim.progress = 0;
    }

  private:
    void heartbeat() {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::seconds(2)) return;
        last_ = now;
        uint64_t beats = 0, expected = 0;
        for (const auto& sink : sim.sinks) {
            beats += sink.taken;
            expected += sink.per_frame * sink.frames;
        }
        std::printf("cycle %" PRIu64 ": %" PRIu64 " of %" PRIu64 " beats\n", sim.cycle, beats, expected);
        std::fflush(stdout);
    }

    Model& model_;
    bool trace_;
    uint64_t time_ = 0;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// True when the simulation stood still.
bool simulate(Clock& clock) {
    clock.reset(kResetCycles);
    check_opened();
    bool deadlock = false;
    uint64_t surplus_until = kNever;
    while (sim.faults.empty()) {
        if (sim.cycle == sim.reset_at) {
            clock.reset(sim.reset_cycles);
            surplus_until = kNever;
            sim.reset_at = kNever;
        }
        clock.tick(true);
        sim.cycle++;
        if (sim.unfinished == 0 && sim.reset_at == kNever) {
            if (surplus_until == kNever) surplus_until = sim.cycle + sim.extra;
            if (sim.cycle >= surplus_until) break;
        } else if (sim.unfinished && sim.cycle - sim.progress > sim.max_idle) {
            deadlock = true;
            break;
        }
    }
    return deadlock;
}

}  // namespace

extern "C" {

void a2q_source_open(unsigned id, unsigned width) {
    if (id >= sim.sources.size() || !sim.sources[id].in_job) fail("the job has no source " + std::to_string(id));
    Source& s = sim.sources[id];
    if (s.opened) return;
    s.opened = true;
    s.width = width;
    load(id, s);
}

// 0: nothing to offer now; 1: a beat, whose words a2q_source_word gives; 3: the last beat of a frame.
unsigned a2q_source_step(unsigned id) {
    Source& s = sim.sources[id];
    if (s.offered) {
        s.offered = false;
        s.times.add(s.taken++, s.per_frame, sim.cycle);
        sim.progress = sim.cycle;
    }
    if (s.sent == s.per_frame * s.frames) return 0;
    const uint64_t index = s.sent % s.per_frame;
    if (s.interval) {
        uint64_t due = s.next_frame;
        if (index) due = s.spread ? s.frame_start + index * s.interval / s.per_frame : 0;
        if (sim.cycle < due) {
            sim.progress = sim.cycle;  // waiting on purpose is no deadlock
            return 0;
        }
        if (index == 0) {
            // As scheduled: a source that was held up catches up.
            s.frame_start = due;
            s.next_frame = due + s.interval;
        }
    }
    if (s.random.next() < s.stall) return 0;
    s.sent++;
    s.offered = true;
    return index + 1 == s.per_frame ? 3 : 1;
}

unsigned a2q_source_word(unsigned id, unsigned index) {
    const Source& s = sim.sources[id];
    return s.data[(s.sent - 1) % s.stored * s.words + index];
}

void a2q_sink_open(unsigned id, unsigned width) {
    if (id >= sim.sinks.size() || !sim.sinks[id].in_job) fail("the job has no sink " + std::to_string(id));
    Sink& s = sim.sinks[id];
    if (s.opened) return;
    s.opened = true;
    s.width = width;
    s.data.reserve(s.per_frame * s.frames * ((width + 7) / 8));
}

void a2q_sink_word(unsigned id, unsigned index, unsigned word) {
    Sink& s = sim.sinks[id];
    append(s.data, s.width, index, word);
}

void a2q_sink_take(unsigned id, unsigned has_last, unsigned last) {
    Sink& s = sim.sinks[id];
    const uint64_t expected = s.per_frame * s.frames;
    if (s.taken >= expected) {
        sim.fault("surplus", "sink", id);
        s.taken++;
        return;
    }
    if (has_last && (last != 0) != ((s.taken + 1) % s.per_frame == 0)) sim.fault("last", "sink", id);
    s.times.add(s.taken++, s.per_frame, sim.cycle);
    sim.progress = sim.cycle;
    if (s.taken == expected) sim.unfinished--;
}

unsigned a2q_sink_ready(unsigned id) {
    Sink& s = sim.sinks[id];
    return s.stall == 0 || s.random.next() >= s.stall;
}

void a2q_sink_fault(unsigned id, unsigned kind) { sim.fault(kind ? "changed" : "dropped", "sink", id); }

// Whether to capture.
unsigned a2q_monitor_open(unsigned id, unsigned width) {
    Monitor& m = at(sim.monitors, id);
    m.opened = true;
    m.width = width;
    return sim.capture;
}

void a2q_monitor_word(unsigned id, unsigned index, unsigned word) {
    Monitor& m = sim.monitors[id];
    append(m.data, m.width, index, word);
}

void a2q_monitor_beat(unsigned id) {
    Monitor& m = sim.monitors[id];
    m.beats++;
    m.last = sim.progress = sim.cycle;
}

void a2q_monitor_fault(unsigned id, unsigned kind) { sim.fault(kind ? "changed" : "dropped", "monitor", id); }

void a2q_monitor_report(unsigned id, uint64_t stalls, uint64_t starves, unsigned valid, unsigned ready) {
    Monitor& m = at(sim.monitors, id);
    m.stalls = stalls;
    m.starves = starves;
    m.valid = valid;
    m.ready = ready;
}

// Entries a FIFO may hold; 0: all it has.
unsigned a2q_fifo_limit(unsigned id) {
    const auto found = sim.limits.find(id);
    return found == sim.limits.end() ? 0 : found->second;
}

void a2q_fifo_report(unsigned id, unsigned peak) { sim.peaks[id] = peak; }

}  // extern "C"

int main(int argc, char** argv) {
    if (argc != 2) fail("usage: model job.txt");
    read_job(argv[1]);
    VerilatedContext context;
    context.randSeed(static_cast<int>(sim.seed & 0x7fffffff) + 1);
    context.randReset(2);
    context.traceEverOn(sim.trace);
    const auto model = make_model(context);
    if (sim.trace && !model->open_trace("trace.vcd")) fail("this model was built without trace");
    Clock clock{*model, sim.trace};
    const bool deadlock = simulate(clock);
    model->finish();
    write_result(deadlock);
    return 0;
}
