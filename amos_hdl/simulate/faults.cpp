// Flips single bits of registers in a running model, and compares what comes out with the same traffic undisturbed.
//
//   simulator list                        one line per register: SCOPE NAME ELEMENTS BITS
//   simulator PLAN BEATS VERDICTS         runs the flips of PLAN
//
// All files are 32-bit words in the machine's byte order.  The top module has ports clk, rst, in_valid, in_ready, beat,
// out_valid, out_ready and record, of which beat and record are whole words, more than two.  A run resets the model,
// sends `before` beats with the pauses of its traffic, waits until all is still (the part in which a bit is flipped),
// and then sends `after` beats without pauses while results are blocked for a while (the probe: does it still work?).
// The undisturbed run of the same traffic is made once, by the same program, and kept.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_syms.h"

namespace {

using Word = std::uint32_t;
using Words = std::vector<Word>;

[[noreturn]] void fail(const char* what, const char* path) {
    std::fprintf(stderr, "%%Error: %s: %s\n", path, what);
    std::exit(2);
}

Words read_words(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) fail("cannot be opened", path);
    Words words;
    Word buffer[4096];
    for (std::size_t count; (count = std::fread(buffer, sizeof(Word), 4096, file)) > 0;)
        words.insert(words.end(), buffer, buffer + count);
    std::fclose(file);
    return words;
}

struct Register {
    std::string scope;
    const VerilatedVar* var;
    Word elements;
    Word bits;
};

// What the control file has made writable, in an order of names: scopes are a sorted map, and so are their variables.
std::vector<Register> registers(VerilatedContext& context) {
    std::vector<Register> found;
    for (const auto& [name, scope] : *context.scopeNameMap()) {
        if (!scope->varsp()) continue;
        for (auto& [variable, var] : *scope->varsp()) {
            if (!var.isPublicRW() || std::strcmp(scope->name(), "TOP") == 0) continue;
            Word elements = 1;
            for (const auto& range : var.unpackedRanges()) elements *= range.elements();
            found.push_back({scope->name(), &var, elements, var.entBits()});
        }
    }
    return found;
}

// A number that looks random, the same for the same place: pauses fall into the same cycles of every run.
Word scramble(Word seed, Word place) {
    std::uint64_t x = (static_cast<std::uint64_t>(seed) << 32 | place) + 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return static_cast<Word>(x >> 32);
}

constexpr std::size_t BEAT_WORDS = sizeof(Vtop::beat) / sizeof(Word);
constexpr std::size_t RECORD_WORDS = sizeof(Vtop::record) / sizeof(Word);

struct Plan {
    Word interval, latency, before, after, blocked, grace, most_cycles, always_ready;
    // of a device without handshake: beats of an image, and clock cycles from a beat to the next in a row, and in another
    Word beats, columns, column_cycles, row_cycles;
    Word class_mask[RECORD_WORDS];
};

struct Traffic {
    Word seed, first_beat, offer_256, ready_256;
};

struct Flip {
    Word reg, element, bit, cycle;
};

// A cycle of the ports, as far as somebody outside may look at them.
struct Row {
    Word handshake;
    Word record[RECORD_WORDS];
    bool operator==(const Row& other) const { return std::memcmp(this, &other, sizeof(Row)) == 0; }
};

struct Run {
    std::vector<Row> rows;
    std::vector<Row> results;  // before the probe
    std::size_t probe = 0;     // row in which the probe begins
    bool unsent = false;
};

struct Verdict {
    Word touched = 0, classes = 0, lost = 0, surplus = 0, outlived = 0, last = 0, stalled = 0;
};

class Simulation {
public:
    Simulation(VerilatedContext& context, const Plan& plan, const Words& beats, const std::vector<Register>& registers)
        : m_top{&context, "TOP"}
        , m_plan{plan}
        , m_beats{beats}
        , m_registers{registers} {}

    Vtop& top() { return m_top; }
    void registers_are(std::vector<Register> registers) { m_registers = std::move(registers); }

    // `length`: rows of the undisturbed run up to its probe; 0 to find out.
    Run run(const Traffic& traffic, const Flip* flip, std::size_t length) {
        reset();
        Run run;
        m_sent = 0, m_pending = false, m_since = m_plan.row_cycles;
        Word quiet = 0;
        for (Word cycle = 0; length ? cycle < length : quiet < m_plan.grace; ++cycle) {
            if (cycle > m_plan.most_cycles) fail("the undisturbed model does not come to rest", "run");
            const bool more = m_sent < m_plan.before;
            const bool offer = more && (scramble(traffic.seed, 2 * cycle) & 255) < traffic.offer_256;
            const bool ready = !more || (scramble(traffic.seed, 2 * cycle + 1) & 255) < traffic.ready_256;
            const bool moved = step(run, traffic, cycle, flip, offer, more, ready, &run.results);
            quiet = moved || more ? 0 : quiet + 1;
        }
        run.probe = run.rows.size();
        run.unsent = m_sent < m_plan.before;
        m_sent = m_plan.before, m_pending = false;
        const Word all = m_plan.before + m_plan.after;
        const Word probe = m_plan.blocked + m_plan.after * m_plan.interval + m_plan.grace;
        for (Word cycle = 0; cycle < probe; ++cycle)
            step(run, traffic, static_cast<Word>(run.probe) + cycle, nullptr, m_sent < all, m_sent < all,
                 cycle >= m_plan.blocked, nullptr);
        return run;
    }

private:
    Vtop m_top;
    const Plan& m_plan;
    const Words& m_beats;
    std::vector<Register> m_registers;
    Word m_sent = 0, m_since = 0;
    bool m_pending = false;

    void clock() {
        m_top.clk = 1;
        m_top.eval();
        m_top.clk = 0;
        m_top.eval();
    }

    void reset() {
        m_top.clk = 0;
        m_top.in_valid = 0;
        m_top.out_ready = 0;
        m_top.rst = 1;
        m_top.eval();
        clock();
        clock();
        m_top.rst = 0;
    }

    // One clock cycle; return whether anything went in or came out.
    bool step(Run& run, const Traffic& traffic, Word cycle, const Flip* flip, bool offer, bool more, bool ready,
              std::vector<Row>* results) {
        if (flip && flip->cycle == cycle) apply(*flip);
        // what was offered stays until it is taken; a network without handshake gets an image per interval at most, and
        // all of it at its clock cycles
        const Word gap = m_sent % m_plan.columns ? m_plan.column_cycles : m_plan.row_cycles;
        const bool spaced = !m_plan.always_ready || m_since >= gap, within = m_sent % m_plan.beats != 0;
        const bool offered = more && spaced && (offer || m_pending || within);
        m_top.in_valid = offered;
        m_top.out_ready = ready;
        for (std::size_t word = 0; word < BEAT_WORDS; ++word)
            m_top.beat[word] = offered ? m_beats[(traffic.first_beat + m_sent) * BEAT_WORDS + word]
                                       : scramble(cycle, static_cast<Word>(word));
        m_top.eval();
        const bool in_ready = m_top.in_ready, valid = m_top.out_valid;
        Row row{static_cast<Word>(in_ready) | static_cast<Word>(valid) << 1, {}};
        if (valid) std::memcpy(row.record, &m_top.record, sizeof row.record);
        run.rows.push_back(row);
        const bool taken = offered && in_ready;
        m_pending = offered && !in_ready;
        m_sent += taken;
        m_since = taken ? 1 : m_since + 1;
        if (results && valid && ready) {
            results->push_back(row);
            results->back().handshake = 0;
        }
        clock();
        return taken || valid;
    }

    void apply(const Flip& flip) {
        const Register& reg = m_registers[flip.reg];
        auto* data = static_cast<std::uint8_t*>(reg.var->datap()) + flip.element * reg.var->entSize();
        data[flip.bit / 8] ^= static_cast<std::uint8_t>(1u << (flip.bit % 8));
    }
};

Verdict compare(const Run& truth, const Run& run, const Plan& plan, Word flipped) {
    Verdict verdict;
    const std::size_t ours = run.results.size(), theirs = truth.results.size();
    if (ours == theirs) {
        for (std::size_t n = 0; n < ours; ++n) {
            if (run.results[n] == truth.results[n]) continue;
            ++verdict.touched;
            for (std::size_t word = 0; word < RECORD_WORDS; ++word)
                if ((run.results[n].record[word] ^ truth.results[n].record[word]) & plan.class_mask[word]) {
                    ++verdict.classes;
                    break;
                }
        }
    } else {
        // all between what is equal at the beginning and what is equal at the end
        std::size_t first = 0, last = 0;
        const std::size_t fewer = std::min(ours, theirs);
        while (first < fewer && run.results[first] == truth.results[first]) ++first;
        while (last < fewer - first && run.results[ours - 1 - last] == truth.results[theirs - 1 - last]) ++last;
        verdict.touched = verdict.classes = static_cast<Word>(std::max(ours, theirs) - first - last);
        verdict.lost = static_cast<Word>(theirs > ours ? theirs - ours : 0);
        verdict.surplus = static_cast<Word>(ours > theirs ? ours - theirs : 0);
    }
    for (std::size_t row = 0; row < truth.rows.size(); ++row) {
        if (run.rows[row] == truth.rows[row]) continue;
        verdict.last = static_cast<Word>(row) - flipped;
        if (plan.always_ready ? verdict.last > plan.latency : row >= truth.probe) verdict.outlived = 1;
    }
    verdict.stalled = run.unsent;
    return verdict;
}

}  // namespace

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Plan plan{};
    Words beats;
    Simulation simulation{context, plan, beats, {}};
    simulation.top().eval();
    const std::vector<Register> found = registers(context);
    if (argc > 1 && std::strcmp(argv[1], "list") == 0) {
        for (const Register& reg : found)
            std::printf("%s %s %u %u\n", reg.scope.c_str(), reg.var->name(), reg.elements, reg.bits);
        return 0;
    }
    if (argc < 4) fail("expected PLAN BEATS VERDICTS", argv[0]);
    const Words words = read_words(argv[1]);
    beats = read_words(argv[2]);
    std::FILE* out = std::fopen(argv[3], "wb");
    if (!out) fail("cannot be opened", argv[3]);
    std::size_t at = sizeof plan / sizeof(Word);
    if (words.size() < at) fail("ends too early", argv[1]);
    std::memcpy(&plan, words.data(), sizeof plan);
    simulation.registers_are(found);
    while (at < words.size()) {
        Traffic traffic{};
        std::memcpy(&traffic, &words[at], sizeof traffic);
        at += sizeof traffic / sizeof(Word);
        const Word flips = words[at++];
        const Run truth = simulation.run(traffic, nullptr, 0);
        if (truth.unsent) fail("the undisturbed model did not take everything", argv[1]);
        for (Word n = 0; n < flips; ++n) {
            Flip flip{};
            std::memcpy(&flip, &words[at], sizeof flip);
            at += sizeof flip / sizeof(Word);
            // a cycle beyond what the traffic has is taken from the start again
            flip.cycle %= static_cast<Word>(truth.probe - plan.grace);
            const Run run = simulation.run(traffic, &flip, truth.probe);
            const Verdict verdict = compare(truth, run, plan, flip.cycle);
            if (std::fwrite(&verdict, sizeof verdict, 1, out) != 1) fail("cannot be written", argv[3]);
        }
    }
    if (std::fclose(out) != 0) fail("cannot be written", argv[3]);
    return 0;
}
