// thresholding_stage: one step of the binary search for the number of thresholds below x, of one lane.
//
// Function  index = {prefix, x > threshold of this stage for the channel `fold` and the prefix found so far}
// Memory    FILE, one word a line in hex: word fold * 2**STAGE + prefix, two's complement if COMPARE_SIGNED needs it.
// Latency   One register, at the input; the comparison follows it. It stands still while en is low. A memory of up to
//           64 words is read behind the register, where a bit of it and of the comparison share a LUT as long as there
//           are at most 32 words; a larger one, or a block RAM, is read into a register of its own.
`default_nettype none

module thresholding_stage #(
    parameter int unsigned STAGE,           // thresholds per channel: 2**STAGE
    parameter int unsigned FOLDS,           // channels of this lane
    parameter int unsigned COMPARE_BITS,    // of x and of the threshold when they are compared, > or = THRESH_BITS
    parameter bit          COMPARE_SIGNED,
    parameter int unsigned THRESH_BITS,
    parameter bit          THRESH_SIGNED,
    parameter string       FILE,
    parameter string       RAM_STYLE,
    localparam int unsigned FOLD_BITS   = FOLDS > 1 ? $clog2(FOLDS) : 1,
    localparam int unsigned PREFIX_BITS = STAGE > 0 ? STAGE : 1
) (
    input  wire logic                    clk,
    input  wire logic                    en,
    input  wire logic [COMPARE_BITS-1:0] x,       // offset binary if COMPARE_SIGNED: the sign inverted
    input  wire logic [ PREFIX_BITS-1:0] prefix,
    input  wire logic [   FOLD_BITS-1:0] fold,
    input  wire logic [   FOLD_BITS-1:0] fold_nq,  // ~fold behind a register that moves with en
    output      logic [COMPARE_BITS-1:0] x_q,
    output      logic [         STAGE:0] index
);
  // As in mvau.sv: LUTs are "distributed" to the user, "registers" to Yosys and Vivado where nothing is written.
  localparam string RomStyle = RAM_STYLE == "distributed" ? "registers" : RAM_STYLE;
  if (RomStyle != "auto" && RomStyle != "registers" && RomStyle != "block")
    $fatal(1, "thresholding: RAM_STYLE must be auto, distributed or block");

  localparam int unsigned Words = FOLDS << STAGE;
  localparam int unsigned AddressBits = Words > 1 ? $clog2(Words) : 1;
  localparam bit Registered = RAM_STYLE == "block" || Words > 64;

  (* ram_style = RomStyle *) logic [THRESH_BITS-1:0] thresholds[Words];
  initial $readmemh(FILE, thresholds);

  // A bit of the address is held inverted: if all of it came straight from registers, Yosys would move them behind the
  // memory, and the threshold would need LUTs of its own in front of them. The fold is, or else a bit of the prefix.
  localparam logic [PREFIX_BITS-1:0] Inverted = PREFIX_BITS'(FOLDS == 1);
  logic [PREFIX_BITS-1:0] prefix_q;
  logic [THRESH_BITS-1:0] threshold;

  always_ff @(posedge clk) begin
    if (en) begin
      x_q <= x;
      prefix_q <= prefix ^ Inverted;
    end
  end

  if (Registered) begin : g_registered
    logic [THRESH_BITS-1:0] threshold_q;
    always_ff @(posedge clk) if (en) threshold_q <= thresholds[address(fold, prefix)];
    assign threshold = threshold_q;
    logic unused;
    assign unused = &{1'b0, fold_nq};
  end else begin : g_direct
    assign threshold = thresholds[address(~fold_nq, prefix_q ^ Inverted)];
    logic unused;
    assign unused = &{1'b0, fold};
  end

  function automatic logic [AddressBits-1:0] address(input logic [FOLD_BITS-1:0] f, input logic [PREFIX_BITS-1:0] p);
    return STAGE > 0 ? AddressBits'({f, p}) : AddressBits'(f);
  endfunction

  // x > t is the carry of x + ~t; a sum, because then x is the carry chain's direct input and t folds into its LUTs.
  localparam logic [COMPARE_BITS-1:0] Offset = COMPARE_BITS'(COMPARE_SIGNED) << (COMPARE_BITS - 1);
  logic [COMPARE_BITS-1:0] t;
  logic [COMPARE_BITS:0] sum;
  assign t = COMPARE_BITS'($signed({THRESH_SIGNED & threshold[THRESH_BITS-1], threshold})) ^ Offset;
  assign sum = {1'b0, x_q} + {1'b0, ~t};

  if (STAGE > 0) begin : g_index
    assign index = {prefix_q ^ Inverted, sum[COMPARE_BITS]};
  end else begin : g_first
    assign index = sum[COMPARE_BITS];
    logic unused_prefix;
    assign unused_prefix = prefix_q;
  end

  logic unused_sum;
  assign unused_sum = &{1'b0, sum[COMPARE_BITS-1:0]};
endmodule

`default_nettype wire
