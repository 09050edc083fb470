// running: the name of what a test bench runs, for messages of the g++ headers.
#pragma once

namespace sim {

inline const char*& running() {
  static const char* name = "layer";
  return name;
}

}  // namespace sim
