// The LUT6 primitive (UG953) for Yosys' SystemVerilog front end, which does not see the parameters of its own library.
(* blackbox *)
module LUT6 #(
    parameter logic [63:0] INIT = 64'd0
) (
    input  wire logic I0,
    input  wire logic I1,
    input  wire logic I2,
    input  wire logic I3,
    input  wire logic I4,
    input  wire logic I5,
    output wire logic O
);
endmodule
