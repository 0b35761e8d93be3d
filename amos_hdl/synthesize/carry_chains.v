// Additions in ECP5's carry cells (CCU2C, two bits each) that begin within a cell.
//
// Yosys's own map gives a chain its first carry as CIN, a constant.  CIN of a first cell comes from logic, so nextpnr puts
// another cell in front: two LUT sites for each addition.  Here the first half cell makes a carry and no sum.  Where the
// number of bits is odd it stands before the lowest bit and makes the constant; where it is even it is the lowest bit
// itself, whose sum is logic.  So n bits take n + 1 sites.  A first carry from logic enters as CIN, as in Yosys's map.
//
// A half cell: S = LUT4(A, B, C, D) ^ cin, cout = LUT4 ? cin : LUT2(A, B); LUT2 is INIT[3:0].  With C = D = 1 LUT4 is
// INIT[15:12], which is 0 here: cout = LUT2, whatever CIN is.
(* techmap_celltype = "$alu" *)
module _80_carry_chain (A, B, CI, BI, X, Y, CO);
	parameter A_SIGNED = 0;
	parameter B_SIGNED = 0;
	parameter A_WIDTH = 1;
	parameter B_WIDTH = 1;
	parameter Y_WIDTH = 1;
	parameter _TECHMAP_CONSTMSK_CI_ = 0;
	parameter _TECHMAP_CONSTVAL_CI_ = 0;

	(* force_downto *) input [A_WIDTH-1:0] A;
	(* force_downto *) input [B_WIDTH-1:0] B;
	input CI, BI;
	(* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;

	// few bits are logic, as in Yosys's own map
	wire _TECHMAP_FAIL_ = Y_WIDTH <= 4;

	// whether the first carry is known, the half cells before the lowest bit, and all of them
	localparam KNOWN = _TECHMAP_CONSTMSK_CI_ === 1'b1;
	localparam LEAD = KNOWN ? Y_WIDTH % 2 : 0;
	localparam HALVES = (Y_WIDTH + LEAD + 1) / 2 * 2;
	localparam [15:0] ZERO = LEAD ? 16'h0000 : 16'h0008;  // a carry of 0 enters: none, or A & B
	localparam [15:0] ONE = LEAD ? 16'h000f : 16'h000e;   // of 1: one, or A | B
	// LUT4 is A ^ B ^ C with D = 1, LUT2 is A
	localparam [15:0] SUM = 16'b1001_0110_1010_1010;

	(* force_downto *) wire [Y_WIDTH-1:0] a, b;
	\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
	\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));
	(* force_downto *) wire [Y_WIDTH-1:0] added = BI ? ~b : b;
	assign X = a ^ added;

	(* force_downto *) wire [HALVES-1:0] left = LEAD ? {a, 1'b0} : a;
	(* force_downto *) wire [HALVES-1:0] right = LEAD ? {b, 1'b0} : b;
	(* force_downto *) wire [HALVES-1:0] sum;
	(* force_downto *) wire [HALVES/2:0] carry;  // carry[n] enters cell n
	assign carry[0] = CI;

	genvar i;
	generate
		for (i = 0; i < HALVES / 2; i = i + 1) begin : cells
			if (KNOWN && i == 0) begin
				CCU2C #(
					.INIT0(_TECHMAP_CONSTVAL_CI_ ? ONE : ZERO), .INIT1(SUM), .INJECT1_0("NO"), .INJECT1_1("NO")
				) first (
					.A0(left[0]), .B0(LEAD ? 1'b0 : added[0]), .C0(1'b1), .D0(1'b1),
					.A1(left[1]), .B1(right[1]), .C1(BI), .D1(1'b1),
					.S1(sum[1]), .COUT(carry[1])
				);
				assign sum[0] = X[0] ^ CI;
			end else begin
				CCU2C #(.INIT0(SUM), .INIT1(SUM), .INJECT1_0("NO"), .INJECT1_1("NO")) next (
					.CIN(carry[i]),
					.A0(left[2*i]), .B0(right[2*i]), .C0(BI), .D0(1'b1),
					.A1(left[2*i+1]), .B1(right[2*i+1]), .C1(BI), .D1(1'b1),
					.S0(sum[2*i]), .S1(sum[2*i+1]), .COUT(carry[i+1])
				);
			end
		end
		assign Y = sum[Y_WIDTH+LEAD-1:LEAD];
		// a carry that is read by others is that between two cells, or made anew
		for (i = 0; i < Y_WIDTH; i = i + 1) begin : carries
			if ((i + LEAD) % 2) assign CO[i] = carry[(i + LEAD + 1) / 2];
			else if (i == 0) assign CO[i] = (a[i] & added[i]) | (CI & (a[i] | added[i]));
			else assign CO[i] = (a[i] & added[i]) | (CO[i-1] & (a[i] | added[i]));
		end
	endgenerate
endmodule
