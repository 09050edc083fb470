// sim::processes: kernels that run side by side in one thread, each until it waits for a stream.
//
// Where every process has had its turn and nothing has moved, the program ends with status 6 and says who
// waits for which stream. Whether networks of such processes stand still does not depend on the order of turns.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>

#include "running.hpp"

namespace sim {

enum class state { empty, full };

// What a process waits for: a stream that is empty or full.
struct need {
  const char* stream;
  state is;
};

inline unsigned long long& moves() {
  static unsigned long long count = 0;
  return count;
}

// A beat has gone into a stream or come out of one.
inline void moved() { ++moves(); }

class processes {
 public:
  processes() { active() = this; }
  ~processes() { active() = nullptr; }
  processes(const processes&) = delete;
  processes& operator=(const processes&) = delete;

  // Those that run, if any do.
  static processes*& active() {
    static processes* now = nullptr;
    return now;
  }

  void add(const char* name, std::function<void()> body) { all_.emplace_back(name, std::move(body)); }

  // Runs all to their ends.
  void run() {
    for (std::size_t left = all_.size(); left > 0;) {
      const unsigned long long before = moves();
      for (process& p : all_) {
        if (p.done) continue;
        current_ = &p;
        running() = p.name;
        swapcontext(&scheduler_, p.resume());
        left -= p.done ? 1 : 0;
      }
      if (left > 0 && moves() == before) standstill();
      if (moves() / SAID_EVERY != before / SAID_EVERY) std::printf("%llu beats moved\n", moves()), std::fflush(stdout);
    }
    current_ = nullptr;
  }

  void wait(const need& what) {
    current_->waits = what;
    swapcontext(&current_->context, &scheduler_);
  }

 private:
  static constexpr unsigned long long SAID_EVERY = 10000000;
  static constexpr std::size_t STACK_BYTES = std::size_t(16) << 20;  // of address space; touched as needed

  struct process {
    process(const char* n, std::function<void()> b) : name(n), body(std::move(b)) {}

    ucontext_t* resume() {
      if (!stack) {
        stack.reset(new char[STACK_BYTES]);
        getcontext(&context);
        context.uc_stack.ss_sp = stack.get();
        context.uc_stack.ss_size = STACK_BYTES;
        context.uc_link = &active()->scheduler_;
        makecontext(&context, &processes::enter, 0);
      }
      return &context;
    }

    const char* name;
    std::function<void()> body;
    std::unique_ptr<char[]> stack;
    ucontext_t context;
    need waits = {"", state::empty};
    bool done = false;
  };

  static void enter() {
    process* const self = active()->current_;
    self->body();
    self->done = true;
  }

  [[noreturn]] void standstill() {
    std::fprintf(stderr, "error: nothing moves any more\n");
    for (const process& p : all_) {
      if (p.done) continue;
      const bool full = p.waits.is == state::full;
      std::fprintf(stderr, "error: %s waits: the stream '%s' never %s\n", p.name, p.waits.stream,
                   full ? "drains" : "fills");
    }
    std::exit(6);
  }

  std::deque<process> all_;
  ucontext_t scheduler_;
  process* current_ = nullptr;
};

// The calling process needs this to go on.
inline void wait(const need& what) {
  if (processes::active()) return processes::active()->wait(what);
  std::fprintf(stderr, "error: %s: %s the %s stream '%s'\n", running(),
               what.is == state::full ? "write to" : "read from", what.is == state::full ? "full" : "empty",
               what.stream);
  std::exit(3);
}

}  // namespace sim
