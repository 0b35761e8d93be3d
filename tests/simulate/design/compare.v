// A counter with an enable, and a comparison one clock later: greater = 1 if the counter was >= threshold.
module compare (
    input  wire       clk,
    input  wire       rst,
    input  wire       enable,
    input  wire [7:0] threshold,
    output reg        greater
);
  wire [7:0] value;

  counter inner (.clk(clk), .rst(rst), .enable(enable), .value(value));

  always @(posedge clk) greater <= value >= threshold;
endmodule

/* verilator lint_off DECLFILENAME */  // Two modules in one file, as in generated Verilog.
module counter (
    input  wire       clk,
    input  wire       rst,
    input  wire       enable,
    output wire [7:0] value
);
  reg [7:0] count;

  assign value = count;

  always @(posedge clk) begin
    if (rst) count <= 8'd0;
    else if (enable) count <= count + 8'd1;
  end
endmodule
