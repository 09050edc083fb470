// Interface of the LUT6_2 primitive (UG953).
(* blackbox *)
module LUT6_2 #(
    parameter logic [63:0] INIT = 64'd0
) (
    input  wire logic I0,
    input  wire logic I1,
    input  wire logic I2,
    input  wire logic I3,
    input  wire logic I4,
    input  wire logic I5,
    output wire logic O5,
    output wire logic O6
);
endmodule
