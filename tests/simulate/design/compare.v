// A counter with an enable, and a comparison one clock later: greater = 1 if the counter was >= threshold.
module compare (
    input  wire       clk,
    input  wire       rst,
    input  wire       enable,
    input  wire [7:0] threshold,
    output reg        greater
);
  reg [7:0] count;

  always @(posedge clk) begin
    if (rst) count <= 8'd0;
    else if (enable) count <= count + 8'd1;
    greater <= count >= threshold;
  end
endmodule
