// Every operation that generated Verilog is made of, on the words of one input; everything is registered.
module operations(
  input clk,
  input rst,
  input in_valid,
  input [63:0] in_words,
  output reg out_valid,
  output [109:0] out_sums,
  output [31:0] out_flags,
  output [63:0] out_words
);
  wire [7:0] a = in_words[7:0];
  wire [7:0] b = in_words[15:8];
  wire [5:0] c = in_words[21:16];
  wire [3:0] d = in_words[25:22];
  wire [2:0] e = in_words[28:26];
  wire s = in_words[29], t = in_words[30];

  reg [109:0] sums = 0;
  reg [31:0] flags = 32'h5a5a_a5a5;
  always @(posedge clk) begin
    out_valid <= !rst & in_valid;
    sums[9:0] <= {c, d} + b;
    sums[19:10] <= $signed(a) + $signed(b);
    sums[29:20] <= a - b;
    sums[39:30] <= $signed(a) - $signed(c);
    sums[49:40] <= {a, s} - {~b, 1'b1};
    sums[59:50] <= 7'd17 - c;
    sums[69:60] <= $signed(a) - 10'sd13;
    sums[79:70] <= ~a + {c, t};
    sums[89:80] <= $signed(b) * $signed(c);
    sums[99:90] <= a * d;
    sums[109:100] <= -$signed(b);
    flags[0] <= a < b;
    flags[1] <= $signed(a) < $signed(b);
    flags[2] <= a >= c;
    flags[3] <= $signed(a) >= $signed(c);
    flags[4] <= $signed(a) >= $signed(5'h13);
    flags[5] <= $signed(a) > -8'sd5;
    flags[6] <= $signed(a) <= $signed(b);
    flags[7] <= a > 8'd200;
    flags[8] <= a == b;
    flags[9] <= c != d;
    flags[10] <= a[2:0] == e;
    flags[11] <= &c;
    flags[12] <= |d;
    flags[13] <= ^a;
    flags[14] <= !d;
    flags[15] <= d && e;
    flags[16] <= d || s;
    flags[17] <= s ? a[0] : b[0];
    flags[18] <= s ? 1'b1 : t;
    flags[19] <= s ? t : ~t;
    flags[20] <= 64'hb555_554e_9555_550a >> c;
    flags[21] <= 29'h1a5a_5a50 >> {e, s, t};
    flags[22] <= (a ^ b) == 8'h0f;
    flags[23] <= flags[23] ^ s;
    flags[31:24] <= a & {8{s}} | b ^ ~c;
  end
  assign out_sums = sums;
  assign out_flags = flags;

  // a case with a parallel choice, a shift of a word, bits at an index, a counter
  localparam [63:0] TABLE = 64'h6b8c_51e2_97d4_0f3a;
  reg [15:0] chosen, shifted;
  reg indexed, picked;
  reg [7:0] counted = 8'd3;
  always @(posedge clk) begin
    case (e)
      3'd0: chosen <= {a, b};
      3'd1: chosen <= {b, a};
      3'd2, 3'd5: chosen <= 16'hbeef;
      3'd7: chosen <= {c, d, c};
      default: chosen <= 16'd0;
    endcase
    shifted <= {a, b} >> d;
    indexed <= TABLE[c];
    picked <= a[e];
    if (rst) counted <= 8'd3;
    else if (t) counted <= counted + 8'd1;
  end

  // memories: one is written and read at addresses that come in, one is read alone, one byte has two writers
  reg [9:0] memory [0:11];
  reg [6:0] fixed [0:7];
  reg [3:0] shared [0:3];
  integer i;
  initial begin
    for (i = 0; i < 12; i = i + 1) memory[i] = i * 37;
    for (i = 0; i < 8; i = i + 1) fixed[i] = 7'd101 - i * 11;
    for (i = 0; i < 4; i = i + 1) shared[i] = i;
  end
  wire [3:0] to = in_words[34:31] < 4'd12 ? in_words[34:31] : 4'd5;
  wire [3:0] from = in_words[38:35] < 4'd12 ? in_words[38:35] : 4'd7;
  reg [9:0] read;
  reg [6:0] looked_up;
  reg [3:0] met;
  always @(posedge clk) begin
    if (s) memory[to] <= in_words[48:39];
    if (t) shared[in_words[50:49]] <= in_words[54:51];
    if (s) shared[in_words[56:55]] <= in_words[60:57];
    read <= memory[from];
    looked_up <= fixed[e];
    met <= shared[in_words[62:61]];
  end
  assign out_words = {1'd0, picked, indexed, met, looked_up, read, counted, shifted, chosen};
endmodule
