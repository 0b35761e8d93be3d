// What is proved of a network with AXI4-Streams, for every source and sink: nothing is assumed of them, or of rst.
//
// The network inside gives back its image, so that any image can be told from any other.  One image, any one, is
// tracked from its entry on: `ahead` results must leave before its own, and then its own must.  What starts with
// `inner_` is a register inside; the script of the proof connects it, because k-induction needs to know how the
// references here and the registers there belong together.
module stream_proof #(
    parameter BEATS = 1, BEAT_BITS = 8, IMAGE_BITS = 8, RESULT_BITS = 8, CREDITS = 8, LATENCY = 2, INTERVAL = 1,
    parameter POINTER_BITS = $clog2(CREDITS)
) (
    input clk, rst, track,
    input [BEAT_BITS-1:0] s_axis_tdata,
    input s_axis_tvalid, s_axis_tlast, s_axis_tuser, m_axis_tready
);
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast, m_axis_tuser, error;
  wire [RESULT_BITS-1:0] m_axis_tdata;
  `DUT dut (
      .clk(clk), .rst(rst),
      .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
      .s_axis_tlast(s_axis_tlast), .s_axis_tuser(s_axis_tuser),
      .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready),
      .m_axis_tlast(m_axis_tlast), .m_axis_tuser(m_axis_tuser), .error(error)
  );

  wire [POINTER_BITS:0] inner_free;
  wire [POINTER_BITS-1:0] inner_entering, inner_writing, inner_reading;
  wire inner_enter, inner_image_valid, inner_result_valid, inner_too_long, inner_after_error, inner_room;
  wire [CREDITS*IMAGE_BITS-1:0] inner_results;
  wire [CREDITS-1:0] inner_flags;
`ifdef MANY_BEATS
  wire [$clog2(BEATS)-1:0] inner_beat;
  wire [BEATS*BEAT_BITS-1:0] inner_frame;
`endif
`ifdef PAUSE
  wire [$clog2(INTERVAL)-1:0] inner_pause;
`endif

  // frames: beats of the one at hand, BEATS if it is too long
  localparam COUNT_BITS = 6, SPACING = BEATS > INTERVAL ? BEATS : INTERVAL;
  reg [COUNT_BITS-1:0] beats = 0, since = SPACING;
  reg [BEATS*BEAT_BITS-1:0] frame = 0;
  reg lost = 0, was_wrong = 0;
  wire taken = s_axis_tvalid && s_axis_tready;
  wire enter = taken && s_axis_tlast && beats == BEATS - 1 && !s_axis_tuser;
  wire wrong = taken && !enter && (s_axis_tlast ? beats < BEATS : beats == BEATS - 1);
  wire [BEATS*BEAT_BITS-1:0] frame_now = {s_axis_tdata, frame} >> BEAT_BITS;
  wire [IMAGE_BITS-1:0] image = frame_now[IMAGE_BITS-1:0];

  // images inside: in the pipeline by age, all in order
  reg [LATENCY:0] pipeline = 0;
  reg [COUNT_BITS-1:0] inside = 0;
  reg [POINTER_BITS-1:0] entering = 0;
  wire take = m_axis_tvalid && m_axis_tready;
  wire [POINTER_BITS-1:0] stored = inner_writing - inner_reading;
  reg [COUNT_BITS-1:0] in_pipeline;
  integer i;
  always @* begin
    in_pipeline = 0;
    for (i = 0; i <= LATENCY; i = i + 1) in_pipeline = in_pipeline + pipeline[i];
  end

  // the tracked image
  reg tracked = 0, tracked_flag = 0;
  reg [IMAGE_BITS-1:0] tracked_value = 0;
  reg [COUNT_BITS-1:0] ahead = 0;
  reg [POINTER_BITS-1:0] slot = 0;

  // the clock cycle before
  reg was_stalled = 0, was_flag = 0, was_stored = 0;
  reg [RESULT_BITS-1:0] was_data = 0;

  always @(posedge clk) begin
    was_stalled <= m_axis_tvalid && !m_axis_tready && !rst;
    was_data <= m_axis_tdata;
    was_flag <= m_axis_tuser;
    was_stored <= stored != 0 && !rst;
    was_wrong <= wrong && !rst;
    if (taken) frame <= frame_now;
    if (rst) begin
      beats <= 0; lost <= 0; pipeline <= 0; inside <= 0; entering <= 0; tracked <= 0; since <= SPACING;
    end else begin
      if (taken) beats <= s_axis_tlast ? 0 : beats == BEATS ? BEATS : beats + 1;
      if (wrong || enter) lost <= wrong;
      pipeline <= {pipeline, enter};
      inside <= inside + enter - take;
      entering <= entering + enter;
      since <= enter ? 1 : since == SPACING ? SPACING : since + 1;
      if (tracked && take) begin
        ahead <= ahead - 1;
        if (ahead == 0) tracked <= 0;
      end
      if (track && enter && !tracked) begin
        tracked <= 1; tracked_value <= image; tracked_flag <= lost; ahead <= inside - take; slot <= entering;
      end
    end
  end

  always @* begin
    // the claims
    if (take && !rst) assert(inside != 0);  // no result too many
    if (take && tracked && ahead == 0) begin  // its own, after all before it, unchanged
      assert(m_axis_tdata == tracked_value);
      assert(m_axis_tuser == tracked_flag);
    end
    if (was_stalled) begin  // a stalled result stays
      assert(m_axis_tvalid);
      assert(m_axis_tdata == was_data);
      assert(m_axis_tuser == was_flag);
    end
    assert(m_axis_tlast);
    assert(inside <= CREDITS);  // room for every result
    assert(inner_free <= CREDITS && inner_free + inside == CREDITS);  // credits never negative
    assert(in_pipeline + stored + m_axis_tvalid == inside);  // no result lost, no entry overwritten
    if (was_stored) assert(m_axis_tvalid);  // no result is held back
    if (enter) assert(since == SPACING);  // the network's interval
    if (inside < CREDITS && since == SPACING) assert(s_axis_tready);  // a source never waits without a reason
    assert(inner_result_valid == pipeline[LATENCY]);  // fixed latency: nothing stalls the network
    assert(inner_enter == enter);  // right frames enter, wrong ones do not
    assert(error == was_wrong);  // and each is counted once

    // how references and registers belong together
    assert(inner_room == (inner_free != 0));
    assert(inner_image_valid == pipeline[0]);
    assert(inner_entering == entering);
    assert(inner_too_long == (beats == BEATS));
    assert(inner_after_error == lost);
    assert(beats <= BEATS);
    assert(since >= 1 && since <= SPACING && (since == SPACING || beats < since));
`ifdef MANY_BEATS
    assert(inner_beat == (beats == BEATS ? BEATS - 1 : beats));
    assert(inner_frame == frame);
`endif
`ifdef PAUSE
    assert(inner_pause == INTERVAL - since);
`endif
    assert(entering == (inner_writing + in_pipeline) % CREDITS);
    if (tracked) begin
      assert(ahead < inside);
      assert(slot == (inner_reading + ahead - m_axis_tvalid) % CREDITS);
      if (m_axis_tvalid && ahead == 0) begin
        assert(m_axis_tdata == tracked_value);
        assert(m_axis_tuser == tracked_flag);
      end else begin
        assert(inner_flags[slot] == tracked_flag);
        if (ahead < m_axis_tvalid + stored) assert(inner_results[slot*IMAGE_BITS+:IMAGE_BITS] == tracked_value);
      end
    end
  end
endmodule
