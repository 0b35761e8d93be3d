// What is proved of the receiver with a buffer, for every source and any lack of room: nothing is assumed of them, or
// of rst.  One image, any one, is tracked from its last beat on: it enters after those before it, with its flag, and each
// of its pixels comes at its clock cycle.  What starts with `inner_` is a register inside, connected by the script of the
// proof: k-induction needs to know how the references here and the registers there belong together.
module buffer_proof #(
    parameter PIXELS = 2, COLUMNS = 2, ROW_CYCLES = 2, COLUMN_CYCLES = 1, BITS = 5, IMAGES = 2, RELEASE = 0,
    parameter WAIT_BITS = 1
) (
    input clk, rst, track, room,
    input [7:0] s_axis_tdata,
    input s_axis_tvalid, s_axis_tlast, s_axis_tuser
);
  localparam INTERVAL = (PIXELS / COLUMNS) * ROW_CYCLES;
  wire s_axis_tready, error, enter, after_error, image_valid;
  wire [BITS-1:0] image;
  receiver dut (
      .clk(clk), .rst(rst), .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
      .s_axis_tlast(s_axis_tlast), .s_axis_tuser(s_axis_tuser), .room(room), .enter(enter), .after_error(after_error),
      .error(error), .image_valid(image_valid), .image(image)
  );

  localparam LAST = (PIXELS / COLUMNS - 1) * ROW_CYCLES + (COLUMNS - 1) * COLUMN_CYCLES;
  localparam PLACE_BITS = $clog2(PIXELS), SLOTS = 1 << IMAGES - 1;
  wire inner_too_long, inner_lost;
  wire [PLACE_BITS-1:0] inner_word, inner_reading;
  wire [$clog2(IMAGES+1)-1:0] inner_waiting, inner_places;
  wire [SLOTS-1:0] inner_flags;
  wire [(SLOTS << PLACE_BITS)*BITS-1:0] inner_stored;
`ifdef TWO_IMAGES
  wire inner_into, inner_out_of;
`else
  wire inner_into = 0, inner_out_of = 0;
`endif
`ifdef WAIT
  wire [WAIT_BITS-1:0] inner_wait;
`endif

  // frames: beats of the one at hand, PIXELS if it is too long
  reg [2:0] beats = 0;
  reg [PIXELS*BITS-1:0] frame = 0;
  reg lost = 0, was_wrong = 0;
  wire taken = s_axis_tvalid && s_axis_tready;
  wire right = taken && s_axis_tlast && beats == PIXELS - 1 && !s_axis_tuser;
  wire wrong = taken && !right && (s_axis_tlast ? beats < PIXELS : beats == PIXELS - 1);
  wire [PIXELS*BITS-1:0] frame_now = {s_axis_tdata[BITS-1:0], frame} >> BITS;

  // images in the buffer; clock cycles since one entered, as the next edge will have them
  reg [1:0] waiting = 0, places = 0;
  reg [5:0] age = INTERVAL;
  wire [5:0] now = enter ? 0 : age;
  wire release_now = now == RELEASE && (enter || age != INTERVAL);

  // the pixel that is at its turn, and those of one and two clock cycles before
  function [5:0] at(input [1:0] pixel);
    at = (pixel / COLUMNS) * ROW_CYCLES + (pixel % COLUMNS) * COLUMN_CYCLES;
  endfunction
  reg [PIXELS-1:0] steps;
  integer n;
  always @* for (n = 0; n < PIXELS; n = n + 1) steps[n] = now == at(n) && (enter || age != INTERVAL);
  reg [PIXELS-1:0] stepped = 0, there = 0;

  reg tracked = 0, over = 0, playing = 0, played = 0, shown = 0, flag = 0;
  reg [PIXELS*BITS-1:0] value = 0;
  reg [1:0] ahead = 0;
  wire begins = enter && tracked && !over && ahead == 0;

  always @(posedge clk) begin
    was_wrong <= wrong && !rst;
    if (taken) frame <= frame_now;
    if (rst) begin
      beats <= 0; lost <= 0; waiting <= 0; places <= 0; age <= INTERVAL; stepped <= 0; there <= 0;
      tracked <= 0; over <= 0; playing <= 0; played <= 0; shown <= 0;
    end else begin
      if (taken) beats <= s_axis_tlast ? 0 : beats == PIXELS ? PIXELS : beats + 1;
      if (wrong || right) lost <= wrong;
      waiting <= waiting + right - enter;
      places <= places + right - release_now;
      age <= enter ? 1 : age == INTERVAL ? INTERVAL : age + 1;
      stepped <= steps; there <= stepped;
      played <= begins || (playing && !enter); shown <= played;
      if (enter) playing <= begins;
      if (begins) over <= 1;
      if (enter && tracked && ahead != 0) ahead <= ahead - 1;
      if (track && right && !tracked) begin
        tracked <= 1; value <= frame_now; flag <= lost; ahead <= waiting - enter;
      end
    end
  end

  integer p;
  always @* if (!rst) begin
    assert(error == was_wrong);  // each wrong frame is counted once
    assert(s_axis_tready == (beats != 0 || places != IMAGES));  // only a first beat waits, and only for a place
    assert(enter == (waiting != 0 && room && age == INTERVAL));  // an image waits for the network and for room alone
    if (begins) assert(after_error == flag);  // its own, after all before it
    assert(image_valid == (there != 0));  // every pixel at its clock cycle, none beside
    for (p = 0; p < PIXELS; p = p + 1)
      if (shown && there[p]) assert(image == value[p*BITS+:BITS]);  // unchanged
    assert(waiting <= IMAGES && places <= IMAGES);
  end

  // how references and registers belong together; of one image or two, the tracked one is at `slot`
  wire in_play = age <= LAST;  // not all pixels of the image that entered last have been read
  wire slot = IMAGES == 1 ? 0 : inner_out_of ^ in_play ^ ahead[0];
  reg [5:0] stepped_so_far, until_next;
  always @* begin
    stepped_so_far = 0;
    until_next = INTERVAL - age;
    for (p = PIXELS - 1; p >= 0; p = p - 1) begin
      stepped_so_far = stepped_so_far + (at(p) < age);
      if (at(p) >= age) until_next = at(p) - age;
    end
  end
  always @* begin
    assert(beats <= PIXELS && age >= 1 && age <= INTERVAL);
    assert(inner_too_long == (beats == PIXELS));
    assert(inner_word == (beats == PIXELS ? PIXELS - 1 : beats));
    assert(inner_lost == lost);
    assert(inner_waiting == waiting && inner_places == places);
    assert(places == waiting + (age <= RELEASE));  // an image keeps its place until it is released
    assert(beats == 0 || places != IMAGES);
    if (IMAGES == 2) assert((inner_into ^ inner_out_of) == waiting[0] ^ in_play);
    assert(inner_reading == stepped_so_far % PIXELS);
`ifdef WAIT
    assert(inner_wait == until_next);
`endif
    if (playing) assert(tracked && over);
    if (tracked && !over) begin  // it waits, all of it
      assert(ahead < waiting);
      assert(inner_flags[slot] == flag);
    end
    for (p = 0; p < PIXELS; p = p + 1) begin
      if (tracked && !over) assert(stored(slot, p) == value[p*BITS+:BITS]);
      if (playing && at(p) >= age) assert(stored(inner_out_of, p) == value[p*BITS+:BITS]);  // what is still to be read
      if (p < beats && beats != PIXELS)  // the frame so far
        assert(stored(inner_into, p) == frame[(PIXELS-beats+p)*BITS+:BITS]);
    end
  end

  function [BITS-1:0] stored(input image, input [PLACE_BITS-1:0] pixel);
    stored = inner_stored[{image, pixel}*BITS+:BITS];
  endfunction
endmodule
