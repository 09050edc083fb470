// The cycle model's engine: steps the control logic of a design, without its data. See flows/cycles/model.py.
//
// One pass over the instances a cycle, the last in the stream first: an instance sees what its readers' tready is in
// this cycle, and what its writers' tvalid was at its start, for they come later. So every instance can go to its next
// state at once. Only a duplicator's tvalid depends on another's in the same cycle; those are refreshed first.
//
// An instance whose state did not change sleeps until the tvalid of an input or the tready of an output changes; a
// stream's counts are brought up to date when one of them does. So a pass costs what moves, not what there is. What only
// counts until its next output beat sleeps until then.
//
// Each case of the switch in `step` is the control logic of one module of hw_templates/rtl (or of several that share
// theirs); tests/cycles compares them with the RTL cycle by cycle.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <queue>
#include <vector>

#include "random.hpp"

namespace {

// The numbers are those of flows/cycles/instances.py.
enum Kind : int64_t { kFifo, kPipe, kPad, kPadPixel, kFree, kConcat, kTopK, kWindow, kUpsample, kShuffle, kDuplicate, kGrid,
    kTiles };
constexpr int64_t kDirectFifo = 64;  // fifo.sv's DIRECT: entries up to which it has no output register
constexpr int kParameters = 15;
constexpr int kColumns = 5 + kParameters;  // kind, two inputs, two outputs (-1: none), parameters

struct Stream {
    uint8_t valid = 0, ready = 0;
    int64_t since = 0;               // first cycle that is not in the counts
    int64_t beats = 0, stalls = 0, starves = 0;
    int64_t writer = -1, reader = -1;
    int64_t per_frame = 1, frames = 0;
    int64_t* spans = nullptr;        // (frames, 2), where they are wanted

    // Counts the cycles before `until`, in which neither valid nor ready changed.
    void settle(int64_t until) {
        const int64_t cycles = until - since;
        if (cycles <= 0) return;
        if (valid && ready) {
            if (spans) note(cycles);
            beats += cycles;
        } else if (valid) {
            stalls += cycles;
        } else if (ready) {
            starves += cycles;
        }
        since = until;
    }

    // First and last handshake of every frame that one of the next `cycles` beats, one a cycle, belongs to.
    void note(int64_t cycles) {
        for (int64_t beat = beats; beat < beats + cycles;) {
            const int64_t frame = beat / per_frame;
            if (frame >= frames) return;
            const int64_t end = (frame + 1) * per_frame < beats + cycles ? (frame + 1) * per_frame : beats + cycles;
            if (beat == frame * per_frame) spans[2 * frame] = since + beat - beats;
            spans[2 * frame + 1] = since + end - 1 - beats;
            beat = end;
        }
    }
};

struct Instance {
    int64_t kind;
    int64_t in0, in1, out0, out1;
    int64_t p[kParameters];  // as given
    int64_t s[8];            // state
    int64_t until;           // asleep before this cycle, whatever happens; its state is that of then
};

struct Call {  // to wake an instance at a cycle
    int64_t cycle, instance;
    bool operator<(const Call& other) const { return cycle > other.cycle; }  // the earliest on top of a queue
};

// Counter i of a nest, with `size` values: true when it wraps.
inline bool advance(int64_t& counter, int64_t size) {
    if (++counter < size) return false;
    counter = 0;
    return true;
}

struct Engine {
    std::vector<Stream> streams;
    std::vector<Instance> instances;
    std::vector<Instance*> duplicates;  // in stream order
    std::vector<uint64_t> awake;        // a bit an instance
    std::priority_queue<Call> calls;    // of those that sleep until a cycle
    int64_t cycle = 0;
    int64_t steps = 0;                  // of instances: what a run cost

    void wake(int64_t instance) {
        if (instance >= 0) awake[static_cast<size_t>(instance) / 64] |= 1ull << (instance % 64);
    }

    // In this cycle; the writer comes later in the pass.
    void set_ready(Stream& stream, bool ready) {
        if (stream.ready == static_cast<uint8_t>(ready)) return;
        stream.settle(cycle);
        stream.ready = ready;
        wake(stream.writer);
    }

    // From the next cycle on; the reader has had its turn in this one.
    void set_valid(Stream& stream, bool valid) {
        if (stream.valid == static_cast<uint8_t>(valid)) return;
        stream.settle(cycle + 1);
        stream.valid = valid;
        wake(stream.reader);
    }

    // In this cycle.
    void set_valid_now(Stream& stream, bool valid) {
        if (stream.valid == static_cast<uint8_t>(valid)) return;
        stream.settle(cycle);
        stream.valid = valid;
        wake(stream.reader);
    }

    void refresh() {
        for (Instance* d : duplicates) {
            const uint8_t valid = streams[d->in0].valid;
            set_valid_now(streams[d->out0], valid && !d->s[0]);
            set_valid_now(streams[d->out1], valid && !d->s[1]);
        }
    }

    // `i` sleeps for the next `cycles` cycles, in which its ports stay as they are.
    void sleep(Instance& i, int64_t cycles) {
        i.until = cycle + 1 + cycles;
        calls.push({i.until, &i - instances.data()});
    }

    // Whether anything changed its state, or is at work while it sleeps.
    bool pass() {
        for (; !calls.empty() && calls.top().cycle <= cycle; calls.pop()) wake(calls.top().instance);
        bool any = false;
        refresh();
        for (size_t word = awake.size(); word-- > 0;) {
            uint64_t ahead = ~0ull;  // those that are yet to come in this pass
            while (const uint64_t due = awake[word] & ahead) {
                const int bit = 63 - __builtin_clzll(due);
                ahead = (1ull << bit) - 1;
                steps++;
                if (step(instances[64 * word + static_cast<size_t>(bit)])) any = true;
                else awake[word] &= ~(1ull << bit);
            }
        }
        return any || !calls.empty();
    }

    // A memory that holds p[0] beats, s[1] of them taken, s[0] of those ahead of the read position: takes a beat and sends
    // one where it can. Whether it sends; the caller then moves the read position and releases.
    bool ring(Instance& i, bool& moved) {
        Stream& in = streams[i.in0];
        Stream& out = streams[i.out0];
        set_ready(in, i.s[1] < i.p[0]);
        const bool write = in.valid && in.ready;
        const bool free = !out.valid || out.ready;
        const bool read = i.s[0] > 0 && free;
        moved |= write || read || (free && out.valid);
        if (free) set_valid(out, read);
        i.s[0] += write;
        i.s[1] += write;
        return read;
    }

    // One instance in one cycle: its inputs' tready now, its next state, its outputs' tvalid then. Whether that changed.
    bool step(Instance& i) {
        Stream& in = streams[i.in0];
        Stream& out = streams[i.out0];
        bool moved = false;
        if (cycle < i.until) return false;
        const int64_t* p = i.p;
        int64_t* s = i.s;
        switch (i.kind) {
            case kFifo: {  // p: depth; s: count, ready_q, peak
                const bool push = in.valid && s[1];
                const bool pop = out.valid && out.ready;
                const int64_t queued = s[0] - out.valid;  // where deep: what is not in the output register
                set_ready(in, s[1] != 0);
                s[0] += push - pop;
                if (s[0] > s[2]) s[2] = s[0];
                const bool ready = s[0] < p[0];  // a run may begin with more
                const bool valid = p[0] > kDirectFifo ? (out.valid && !pop) || queued > 0 : s[0] != 0;
                moved |= push || pop || valid != out.valid || ready != static_cast<bool>(s[1]);
                s[1] = ready;
                set_valid(out, valid);
                break;
            }
            case kPipe: {
                // `beats` steps make an output beat, `passes` times; only the first pass takes input. `stages` registers,
                // which move together while the output beat is free or taken.
                // p: beats, passes, stages; s: beat, pass, registers
                const bool enable = !out.valid || out.ready;
                const bool takes = s[1] == 0;
                bool there = in.valid;
                if (i.in1 >= 0) {
                    Stream& other = streams[i.in1];
                    set_ready(other, enable && in.valid);
                    set_ready(in, enable && other.valid);
                    there = there && other.valid;
                } else {
                    set_ready(in, enable && takes);
                }
                if (enable) {
                    uint64_t made = 0;
                    if (!takes || there) {
                        moved = true;
                        if (advance(s[0], p[0])) {
                            made = 1;
                            advance(s[1], p[1]);
                        }
                    }
                    if (s[2] | made) {
                        moved = true;
                        const uint64_t mask = (2ull << (p[2] - 1)) - 1;
                        s[2] = static_cast<int64_t>(((static_cast<uint64_t>(s[2]) << 1) | made) & mask);
                        set_valid(out, (s[2] >> (p[2] - 1)) & 1);
                    }
                    // Takes no input in this cycle and the next, so nobody else has a say until an output beat is there.
                    if (!takes && s[1] && !out.valid) {
                        int64_t quiet = p[0] - 1 - s[0];
                        if (s[2]) {
                            const int64_t room = p[2] - 65 + __builtin_clzll(static_cast<uint64_t>(s[2]));
                            if (room < quiet) quiet = room;
                        }
                        if (quiet > 1) {
                            s[0] += quiet;
                            s[2] = static_cast<int64_t>(static_cast<uint64_t>(s[2]) << quiet);
                            sleep(i, quiet);
                            return false;
                        }
                    }
                }
                break;
            }
            case kPad: {  // p: folds, columns, rows, left, left + W, top, top + H; s: fold, column, row
                const bool enable = !out.valid || out.ready;
                const bool map = s[1] >= p[3] && s[1] < p[4] && s[2] >= p[5] && s[2] < p[6];
                const bool first = s[0] == 0 && s[1] == 0 && s[2] == 0;
                set_ready(in, enable && map);
                const bool go = enable && (in.valid || !(map || first));
                if (enable) {
                    moved |= out.valid || go;
                    set_valid(out, go);
                    if (go && advance(s[0], p[0]) && advance(s[1], p[1])) advance(s[2], p[2]);
                }
                break;
            }
            case kPadPixel: {  // p: folds, columns, rows, SH, SW; s: fold, column, row, row phase, column phase
                const bool enable = !out.valid || out.ready;
                const bool map = s[3] == 0 && s[4] == 0;
                set_ready(in, enable && map);
                const bool go = enable && (in.valid || !map);
                if (enable) {
                    moved |= out.valid || go;
                    set_valid(out, go);
                    if (go && advance(s[0], p[0])) {
                        if (s[1] == p[1] - 1) {
                            s[1] = s[4] = 0;
                            if (s[2] == p[2] - 1) s[2] = s[3] = 0;
                            else if (advance(s[3], p[3])) s[2]++;
                        } else if (advance(s[4], p[4])) {
                            s[1]++;
                        }
                    }
                }
                break;
            }
            case kFree: {  // Of `period` beats those in [from, to) pass; others never wait. p: period, from, to; s: beat
                const bool enable = !out.valid || out.ready;
                const bool passes = s[0] >= p[1] && s[0] < p[2];
                set_ready(in, enable || !passes);
                const bool push = in.valid && in.ready;
                if (enable) {
                    moved |= out.valid;
                    set_valid(out, push && passes);
                }
                moved |= push;
                if (push) advance(s[0], p[0]);
                break;
            }
            case kConcat: {  // p: beats of the first, of both; s: beat
                Stream& other = streams[i.in1];
                const bool enable = !out.valid || out.ready;
                const bool second = s[0] >= p[0];
                set_ready(in, enable && !second);
                set_ready(other, enable && second);
                const bool go = enable && (second ? other.valid : in.valid);
                if (enable) {
                    moved |= out.valid || go;
                    set_valid(out, go);
                    if (go) advance(s[0], p[1]);
                }
                break;
            }
            case kTopK: {  // p: classes, k; s: class, left
                const bool last = s[0] == p[0] - 1;
                const bool pop = s[1] != 0 && out.ready;
                set_ready(in, !last || s[1] == 0 || (s[1] == 1 && out.ready));
                const bool push = in.valid && in.ready;
                moved |= push || pop;
                if (push) advance(s[0], p[0]);
                if (push && last) s[1] = p[1];
                else if (pop) s[1]--;
                set_valid(out, s[1] != 0);
                break;
            }
            case kWindow: {
                // p: depth; sizes of the three loops of a window, OW, OH; how far the read position moves within the
                // innermost loop, and when it, the second, the third, a row, a map ends; what a window, a row, a map
                // releases. s: ahead, held, the five loops
                if (ring(i, moved)) {
                    if (!advance(s[2], p[1])) s[0] -= p[6];
                    else if (!advance(s[3], p[2])) s[0] -= p[7];
                    else if (!advance(s[4], p[3])) s[0] -= p[8];
                    else if (!advance(s[5], p[4])) { s[0] -= p[9]; s[1] -= p[12]; }
                    else if (!advance(s[6], p[5])) { s[0] -= p[10]; s[1] -= p[13]; }
                    else { s[0] -= p[11]; s[1] -= p[14]; }
                }
                break;
            }
            case kUpsample:
            case kShuffle: {
                if (!ring(i, moved)) break;
                if (i.kind == kUpsample) {  // p: depth, FOLDS, COLUMNS, W, ROWS; s: ahead, held, fold, column, pixel, row
                    if (s[3] == p[2] - 1 && s[5] == p[4] - 1) s[1]--;
                    int64_t move = 1;
                    if (advance(s[2], p[1])) {
                        if (!advance(s[3], p[2])) move = 1 - p[1];
                        else if (advance(s[4], p[3]) && !advance(s[5], p[4])) move = 1 - p[3] * p[1];
                    }
                    s[0] -= move;
                } else {  // p: depth, SEGMENT, W, BLOCK; s: ahead, held, beat, pixel, row
                    const int64_t others = (p[3] - 1) * p[1];
                    if (s[4] == p[3] - 1) s[1] -= s[2] == 0 ? others + 1 : 1;
                    int64_t move = 1;
                    if (advance(s[2], p[1])) {
                        if (!advance(s[3], p[2])) move = others + 1;
                        else if (!advance(s[4], p[3])) move = 1 - (p[2] - 1) * p[3] * p[1];
                    }
                    s[0] -= move;
                }
                break;
            }
            case kDuplicate: {  // s: done by the first, by the second
                Stream& second = streams[i.out1];
                const bool done0 = s[0] || out.ready;
                const bool done1 = s[1] || second.ready;
                set_ready(in, done0 && done1);
                if (in.valid) {
                    const int64_t waits0 = done0 && !done1, waits1 = done1 && !done0;
                    moved = in.ready || waits0 != s[0] || waits1 != s[1];
                    s[0] = waits0;
                    s[1] = waits1;
                }
                break;
            }
            case kTiles: {
                // Two vectors: one comes in while the tiles of the other are worked on; tiles that end an output give one.
                // p: SF, tiles, a bit a tile, 62 in a number: it ends an output.
                // s: input beat, bank that fills, banks that are full (bits), tile, bank that is read, flags behind the
                // memory (1 a tile is there, 2 it ends its vector, 4 an output; its bank in 8), tiles and outputs that are
                // further on (3 bits each)
                const bool enable = !out.valid || out.ready;
                set_ready(in, !(s[2] >> s[1] & 1));
                const bool push = in.valid && in.ready;
                const bool go = s[2] >> s[4] & 1;
                const bool free = enable && (s[5] & 3) == 3;
                moved |= push || (enable && (go || s[5] || s[6] || s[7] || out.valid));
                if (free) s[2] &= ~(1ll << (s[5] >> 3 & 1));
                if (push && advance(s[0], p[0])) {
                    s[2] |= 1ll << s[1];
                    s[1] ^= 1;
                }
                if (enable) {
                    set_valid(out, (s[6] & s[7]) >> 2 & 1);
                    s[6] = (s[6] << 1 | (s[5] & 1)) & 7;
                    s[7] = (s[7] << 1 | (s[5] >> 2 & 1)) & 7;
                    const bool ends = s[3] == p[1] - 1;
                    s[5] = 0;
                    if (go) {
                        s[5] = 1 | ends << 1 | (p[2 + s[3] / 62] >> (s[3] % 62) & 1) << 2 | s[4] << 3;
                        if (advance(s[3], p[1])) s[4] ^= 1;
                    }
                }
                break;
            }
            case kGrid: {
                // Takes every beat; those of rows first + n*SH and columns first + n*SW come out.
                // p: FOLDS, W, H, first column, first row, SW, SH; s: fold, column, row
                const bool enable = !out.valid || out.ready;
                set_ready(in, enable);
                const bool push = in.valid && enable;
                if (enable) {
                    const bool column = s[1] >= p[3] && (s[1] - p[3]) % p[5] == 0;
                    const bool row = s[2] >= p[4] && (s[2] - p[4]) % p[6] == 0;
                    moved |= out.valid || push;
                    set_valid(out, push && column && row);
                    if (push && advance(s[0], p[0]) && advance(s[1], p[1])) advance(s[2], p[2]);
                }
                break;
            }
        }
        return moved;
    }
};

struct Source {
    uint64_t per_frame, total, stall, sent = 0, taken = 0;
    int64_t interval, frame_start = 0, next_frame = 0;
    bool offered = false;
    bool waited = false;  // for a beat to be due, since the last frame's end
    Random random;
};

constexpr int64_t kInstanceState = 9;
constexpr int64_t kDues = 2;  // numbers at the end of a state: when the source's frames are due

// What decides how the run goes on, as seen from the present cycle: kInstanceState numbers an instance, one a stream,
// three of the source and its kDues, which are 0 where it never waits.
void state_of(const Engine& e, const Source& source, std::vector<int64_t>& state) {
    state.clear();
    for (const Instance& i : e.instances) {
        // A FIFO's third number is the most that it held: it decides nothing.
        for (int64_t n = 0; n < 8; n++) state.push_back(i.kind == kFifo && n == 2 ? 0 : i.s[n]);
        state.push_back(i.until > e.cycle ? i.until - e.cycle : 0);
    }
    for (const Stream& s : e.streams) state.push_back(s.valid << 1 | s.ready);
    state.push_back(source.offered);
    state.push_back(static_cast<int64_t>(source.sent % source.per_frame));
    state.push_back(static_cast<int64_t>(source.taken % source.per_frame));
    state.push_back(source.interval ? source.frame_start - e.cycle : 0);
    state.push_back(source.interval ? source.next_frame - e.cycle : 0);
}

// Goes on from `state`, in cycle 0. A FIFO or window that holds more than it may now takes nothing until it does not.
void go_on(Engine& e, Source& source, const int64_t* state) {
    for (Instance& i : e.instances) {
        std::memcpy(i.s, state, sizeof i.s);
        i.until = state[8];
        if (i.until) e.calls.push({i.until, &i - e.instances.data()});
        if (i.kind == kFifo) {
            i.s[1] = i.s[0] < i.p[0];
            i.s[2] = i.s[0];
        }
        state += kInstanceState;
    }
    for (Stream& s : e.streams) {
        s.valid = *state >> 1 & 1;
        s.ready = *state++ & 1;
    }
    source.offered = *state++ != 0;
    source.sent = static_cast<uint64_t>(*state++);
    source.taken = static_cast<uint64_t>(*state++);
    source.frame_start = *state++;
    source.next_frame = *state++;
}

// Whether a run that begins at the steady rate seems not to keep it: a stream, or the output in time, fell short of a
// frame in each of the last three intervals, though no FIFO or window holds more than it may.
struct Slip {
    std::vector<int64_t> beats;
    std::vector<uint8_t> fell_short;

    bool seen(const Engine& e, int64_t late) {
        const size_t count = e.streams.size();
        beats.resize(count);
        fell_short.resize(count + 1);
        bool slips = false, over = false;
        const auto note = [&](size_t n, bool now) {
            fell_short[n] = static_cast<uint8_t>(now ? fell_short[n] + 1 : 0);
            slips |= fell_short[n] >= 3;
        };
        for (size_t n = 0; n < count; n++) {
            const Stream& s = e.streams[n];
            const int64_t now = s.beats + (s.valid && s.ready && e.cycle > s.since ? e.cycle - s.since : 0);
            note(n, now - beats[n] < s.per_frame);
            beats[n] = now;
        }
        note(count, late > 0);
        for (const Instance& i : e.instances) {
            over |= (i.kind == kFifo && i.s[0] > i.p[0]) || (i.kind == kWindow && i.s[1] > i.p[0]);
        }
        return slips && !over;
    }
};

}  // namespace

extern "C" {

// Runs `frames` frames. `table`: kColumns numbers an instance, in stream order; `input`, `output`: streams of the
// outside; `ends`: beats of an input frame, stall threshold (of 2^32) at the source and at the sink, cycles from frame
// to frame at the input (0: as fast as taken), beats of an output frame, seed, cycles to go on at the end, most cycles,
// number of the source and the sink, whether to stop when it seems to slip (`Slip`), as if it stood still, whether to
// stop when it is clear how all goes on: the source, which then never ends and does not stall, no more than the sink,
// has everything at the end of an output frame as it was at that of the one before. Frames that are not run yet come at
// the same interval. It also stops where all but the source's dues is as it was and the source, late, did not wait for
// any: then the frames that are not run come later and later.
// `state`, null: not wanted: 1 and what the run begins with, the last beat of an output frame on its way out, or 0;
// then 1 and what it ends with, or 0 where no interval is steady. A run that begins so counts that output frame as its
// first and leaves `first_in` out.
// `first_in`, `last_out` (frames each): cycle of a frame's first input and last output handshake, -1: it never came.
// `counts` (3 a stream): beats, stalls, starves. `peaks` (1 an instance): most entries of a FIFO; behind them the steps
// of instances that the run took. `spans` (streams, `frames`, 2): cycles of the first and last handshake of every frame
// on every stream, of `per_frame` beats each; null: not wanted. Returns the cycles run, or minus them where nothing
// moved any more before the last beat.
int64_t a2q_cycles(int64_t n_streams, int64_t n_instances, const int64_t* table, int64_t input, int64_t output,
                   int64_t frames, const int64_t* ends, int64_t* first_in, int64_t* last_out, int64_t* counts,
                   int64_t* peaks, const int64_t* per_frame, int64_t* spans, int64_t* state) {
    Engine e;
    e.streams.resize(static_cast<size_t>(n_streams));
    e.instances.resize(static_cast<size_t>(n_instances));
    e.awake.resize(e.instances.size() / 64 + 1);
    for (int64_t n = 0; n < n_instances; n++) {
        const int64_t* row = table + n * kColumns;
        Instance& i = e.instances[static_cast<size_t>(n)];
        i = {row[0], row[1], row[2], row[3], row[4], {}, {}, 0};
        std::memcpy(i.p, row + 5, sizeof i.p);
        if (i.kind == kDuplicate) e.duplicates.push_back(&i);
        for (const int64_t stream : {i.in0, i.in1}) {
            if (stream >= 0) e.streams[static_cast<size_t>(stream)].reader = n;
        }
        for (const int64_t stream : {i.out0, i.out1}) {
            if (stream >= 0) e.streams[static_cast<size_t>(stream)].writer = n;
        }
        e.wake(n);
    }
    for (size_t n = 0; n < e.streams.size(); n++) {
        e.streams[n].per_frame = per_frame[n];
        e.streams[n].frames = frames;
        if (spans) e.streams[n].spans = spans + 2 * frames * static_cast<int64_t>(n);
    }
    Source source{};
    source.per_frame = static_cast<uint64_t>(ends[0]);
    const bool until_slip = ends[9] != 0, until_steady = ends[10] != 0;
    source.total = until_steady ? ~0ull : source.per_frame * static_cast<uint64_t>(frames);
    source.stall = static_cast<uint64_t>(ends[1]);
    source.interval = ends[3];
    source.random.seed(static_cast<uint64_t>(ends[5]), static_cast<uint64_t>(2 * ends[8]));
    Random sink_random;
    sink_random.seed(static_cast<uint64_t>(ends[5]), static_cast<uint64_t>(2 * ends[8] + 1));
    const uint64_t sink_stall = static_cast<uint64_t>(ends[2]);
    const int64_t out_total = ends[4] * frames, extra = ends[6], most = ends[7];
    for (int64_t n = 0; n < frames; n++) first_in[n] = last_out[n] = -1;

    Stream& in = e.streams[static_cast<size_t>(input)];
    Stream& out = e.streams[static_cast<size_t>(output)];
    int64_t received = 0, until = most;
    bool sink_ready = false, standstill = false, steady = false;
    const bool goes_on = state && *state;
    if (goes_on) {
        go_on(e, source, state + 1);
        received = ends[4] - 1;
        sink_ready = true;
    }
    std::vector<int64_t> before, now_is;
    Slip slip;
    int64_t& cycle = e.cycle;
    for (; cycle < until; cycle++) {
        e.set_ready(out, sink_ready);
        if (out.valid && sink_ready) {
            if (received < out_total && received % ends[4] == ends[4] - 1) {
                const int64_t frame = received / ends[4];
                last_out[frame] = cycle;
                if (until_steady) {
                    state_of(e, source, now_is);
                    const size_t size = now_is.size() - (source.waited ? 0 : kDues);
                    if (!before.empty() && std::equal(now_is.begin(), now_is.begin() + size, before.begin())) {
                        const int64_t interval = cycle - last_out[frame - 1];
                        for (int64_t n = frame + 1; n < frames; n++) last_out[n] = last_out[n - 1] + interval;
                        received = out_total;
                        steady = now_is == before;
                        break;
                    }
                    source.waited = false;
                    if (until_slip && frame > 0 && slip.seen(e, cycle - last_out[frame - 1] - source.interval)) break;
                    before.swap(now_is);
                }
            }
            if (++received == out_total) until = cycle + 1 + extra;
        }
        bool moved = e.pass();
        if (!in.valid || in.ready) {
            if (source.offered) {
                source.offered = false;
                const uint64_t frame = source.taken / source.per_frame;
                if (!goes_on && source.taken % source.per_frame == 0 && frame < static_cast<uint64_t>(frames)) {
                    first_in[frame] = cycle;
                }
                source.taken++;
                moved = true;
            }
            bool valid = false;
            if (source.sent < source.total) {
                const int64_t index = static_cast<int64_t>(source.sent % source.per_frame);
                int64_t due = 0;
                if (source.interval) {
                    due = index ? source.frame_start + index * source.interval / static_cast<int64_t>(source.per_frame)
                                : source.next_frame;
                }
                moved = true;
                source.waited |= cycle < due;
                if (cycle >= due) {
                    if (index == 0) {
                        source.frame_start = due;
                        source.next_frame = due + source.interval;
                    }
                    if (source.random.next() >= source.stall) {
                        source.sent++;
                        source.offered = true;
                        valid = true;
                    }
                }
            }
            e.set_valid(in, valid);
        }
        const bool ready = sink_stall == 0 || sink_random.next() >= sink_stall;
        if (!ready || ready != sink_ready) moved = true;
        sink_ready = ready;
        if (!moved && received < out_total) {
            standstill = true;
            break;
        }
    }
    for (size_t n = 0; n < e.streams.size(); n++) {
        e.streams[n].settle(cycle);
        counts[3 * n] = e.streams[n].beats;
        counts[3 * n + 1] = e.streams[n].stalls;
        counts[3 * n + 2] = e.streams[n].starves;
    }
    peaks[e.instances.size()] = e.steps;
    if (state) {
        *state = steady;
        if (steady) std::copy(now_is.begin(), now_is.end(), state + 1);
    }
    for (size_t n = 0; n < e.instances.size(); n++) peaks[n] = e.instances[n].kind == kFifo ? e.instances[n].s[2] : 0;
    return standstill || received < out_total ? -cycle : cycle;
}

}  // extern "C"
