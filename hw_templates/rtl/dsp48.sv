// dsp48: a DSP slice as a multiplier of a difference, in a cascade of products that are added up.
//
// Function  p = (d - a) * b, with CASCADE + pcin; modulo 2**48; a, d, d - a: 25 bits, b: 18 bits, two's complement.
// Method    The primitive of 7-series parts itself, which tools for UltraScale parts take for their own: inferred, its
//           registers and the cascade depend on the tool. The same registers in simulation.
// Latency   3 registers: the difference and b, the product, the sum p; LATE: one more in front; without LAST, p has none
//           and pcin, then of the slice before it, counts with this slice's product. All stand still while en is low.
`default_nettype none

module dsp48 #(
    parameter bit CASCADE,
    parameter bit LATE,
    parameter bit LAST
) (
    input  wire logic        clk,
    input  wire logic        en,
    input  wire logic [24:0] a,
    input  wire logic [24:0] d,
    input  wire logic [17:0] b,
    input  wire logic [47:0] pcin,
    output      logic [47:0] pcout,  // p, for the slice behind this one
    output      logic [47:0] p
);
`ifdef SYNTHESIS
  // pcin where it is added: Z of OPMODE 001; the product: X and Y 01. INMODE 01100: d - a.
  DSP48E1 #(
      .A_INPUT("DIRECT"), .B_INPUT("DIRECT"), .USE_DPORT("TRUE"), .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48"),
      .ACASCREG(LATE), .ADREG(1), .ALUMODEREG(0), .AREG(LATE), .BCASCREG(LATE ? 2 : 1), .BREG(LATE ? 2 : 1),
      .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(LATE), .INMODEREG(0), .MREG(1), .OPMODEREG(0), .PREG(LAST)
  ) i_dsp (
      .CLK(clk), .A({{5{a[24]}}, a}), .B(b), .C('0), .D(d), .PCIN(pcin), .P(p), .PCOUT(pcout),
      .OPMODE({2'b00, CASCADE, 4'b0101}), .INMODE(5'b01100), .ALUMODE('0), .CARRYIN('0), .CARRYINSEL('0),
      .ACIN('0), .BCIN('0), .CARRYCASCIN('0), .MULTSIGNIN('0),
      .CEA1('0), .CEA2(en), .CEAD(en), .CEALUMODE('0), .CEB1(en), .CEB2(en), .CEC('0), .CECARRYIN('0), .CECTRL('0),
      .CED(en), .CEINMODE('0), .CEM(en), .CEP(en),
      .RSTA('0), .RSTALLCARRYIN('0), .RSTALUMODE('0), .RSTB('0), .RSTC('0), .RSTCTRL('0), .RSTD('0), .RSTINMODE('0),
      .RSTM('0), .RSTP('0),
      .ACOUT(), .BCOUT(), .CARRYCASCOUT(), .MULTSIGNOUT(), .OVERFLOW(), .PATTERNBDETECT(), .PATTERNDETECT(),
      .UNDERFLOW(), .CARRYOUT()
  );
`else
  logic signed [24:0] a_in, d_in, difference_q;
  logic signed [17:0] b_in, b_q;
  logic signed [42:0] product_q;
  logic [47:0] sum;

  if (LATE) begin : g_late
    always_ff @(posedge clk) if (en) {a_in, d_in, b_in} <= {a, d, b};
  end else begin : g_early
    assign {a_in, d_in, b_in} = {a, d, b};
  end

  always_ff @(posedge clk) begin
    if (en) begin
      difference_q <= d_in - a_in;
      b_q <= b_in;
      product_q <= difference_q * b_q;
    end
  end

  assign sum = 48'(product_q) + (CASCADE ? pcin : '0);
  if (LAST) begin : g_last
    always_ff @(posedge clk) if (en) p <= sum;
  end else begin : g_open
    assign p = sum;
  end
  assign pcout = p;
`endif
endmodule

`default_nettype wire
