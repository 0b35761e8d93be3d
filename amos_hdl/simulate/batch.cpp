// Runs images through a Verilated model, from file to file, with nothing between them but the clock.
//
//   simulator IMAGES RECORD ROWS IMAGES_COUNT INTERVAL MAP_ROWS MAP_COLUMNS ROW_CYCLES COLUMN_CYCLES [+verilator+...]
//
// IMAGES holds, for each pixel of each image, the words of port `image`; RECORD gets, for each clock cycle (row), the
// words of port `record`.  Words are 32 bits, lowest first, in the machine's byte order.  Pixel (r, c) of image n is at
// the input in row n*INTERVAL + r*ROW_CYCLES + c*COLUMN_CYCLES with `in_valid` high; in all other rows `in_valid` is low
// and the input is noise.  An image that enters at once is a map of one pixel.  What a rising edge takes in row r shows in
// row r + 1 of the record.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

namespace {

[[noreturn]] void fail(const char* what, const char* path) {
    std::fprintf(stderr, "%%Error: %s: %s\n", path, what);
    std::exit(2);
}

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File open(const char* path, const char* mode) {
    File file{std::fopen(path, mode)};
    if (!file) fail("cannot be opened", path);
    std::setvbuf(file.get(), nullptr, _IOFBF, 1 << 20);
    return file;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 10) {
        fail("expected IMAGES RECORD ROWS IMAGES_COUNT INTERVAL MAP_ROWS MAP_COLUMNS ROW_CYCLES COLUMN_CYCLES", argv[0]);
    }
    const std::uint64_t rows = std::strtoull(argv[3], nullptr, 10);
    const std::uint64_t images = std::strtoull(argv[4], nullptr, 10);
    const std::uint64_t interval = std::strtoull(argv[5], nullptr, 10);
    const std::uint64_t map_rows = std::strtoull(argv[6], nullptr, 10);
    const std::uint64_t map_columns = std::strtoull(argv[7], nullptr, 10);
    const std::uint64_t row_cycles = std::strtoull(argv[8], nullptr, 10);
    const std::uint64_t column_cycles = std::strtoull(argv[9], nullptr, 10);
    if (interval == 0 || row_cycles == 0 || column_cycles == 0) fail("a distance is 0", argv[0]);
    const File in = open(argv[1], "rb");
    const File out = open(argv[2], "wb");

    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vtop top{&context};
    const auto tick = [&top] {
        top.clk = 1;
        top.eval();
        top.clk = 0;
        top.eval();
    };
    top.clk = 0;
    top.in_valid = 0;
    top.rst = 1;
    top.eval();
    tick();
    tick();
    top.rst = 0;
    top.eval();

    std::uint32_t noise = 1;
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t row = 0; row < rows; ++row) {
        // the record of a row is what registers show before the row's own inputs are set
        if (std::fwrite(&top.record, sizeof top.record, 1, out.get()) != 1) fail("cannot be written", argv[2]);
        const std::uint64_t within = row % interval, of_row = within % row_cycles;
        const bool enters = row / interval < images && within / row_cycles < map_rows && of_row % column_cycles == 0 &&
                            of_row / column_cycles < map_columns;
        if (enters) {
            if (std::fread(&top.image, sizeof top.image, 1, in.get()) != 1) fail("ends too early", argv[1]);
        } else {
            for (std::size_t word = 0; word < sizeof top.image / sizeof noise; ++word) {
                noise = noise * 1664525u + 1013904223u;
                top.image[word] = noise;
            }
        }
        top.in_valid = enters;
        tick();
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (std::fflush(out.get()) != 0) fail("cannot be written", argv[2]);
    std::printf("seconds %.6f\n", seconds.count());
    top.final();
    return 0;
}
