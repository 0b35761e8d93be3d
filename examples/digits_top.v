// The digits network in a design of its own: the digit that was recognized last, and how many there were.
// Beside this file: amos-hdl generate digits --interface axi-stream --stream-bytes 8 --rtl build/digits_stream
module digits_top (
    input clk, input rst,
    input [63:0] pixels, input pixels_valid, input pixels_last, output pixels_ready,
    output reg [3:0] digit, output reg [15:0] count
);
  wire [7:0] result;
  wire result_valid;
  digits_stream network (
      .clk(clk), .rst(rst),
      .s_axis_tdata(pixels), .s_axis_tvalid(pixels_valid), .s_axis_tready(pixels_ready),
      .s_axis_tlast(pixels_last), .s_axis_tuser(1'b0),
      .m_axis_tdata(result), .m_axis_tvalid(result_valid), .m_axis_tready(1'b1)
  );
  always @(posedge clk) begin
    if (result_valid) digit <= result[3:0];
    count <= rst ? 16'd0 : count + {15'd0, result_valid};
  end
endmodule
