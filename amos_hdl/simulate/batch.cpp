// Many copies of a circuit of gates side by side: each bit of it is a vector with one lane per copy, and one operation
// of the machine evaluates a gate in all of them.  The copies have one clock, and each has images of its own.
//
// It holds for one circuit as for another: what there is to evaluate comes as numbers, in runs of gates of one kind
// that do not read each other (`evaluation.py` writes them).  Nothing is compiled for a network.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

using Word = std::uint64_t;
using Index = std::int32_t;
constexpr int WORD_BITS = 64;

// As `Kind` in gates.py.
enum Kind : Index { SOURCE, READ, NOT, AND, AND_NOT, OR, OR_NOT, XOR, MUX, ODD, MAJORITY, BORROW };

}  // namespace

extern "C" {

// As `_Circuit` in lanes.py.  Numbers of nodes: 0 and 1 are constants, then reset, valid, and the bits of the image.
struct Circuit {
    const Index* program;  // per run: kind, first node, count, operands; per read: READ, first node, bits of a word,
    const Index* program_end;  // start of the memory, words, bits of the address, address
    const Index* writes;       // per port: start of the memory, words, bits of a word, bits of the address, address, data, enable
    const Index* writes_end;
    const Index* next;  // per register the node that it takes over at the clock edge
    Index first_register, registers;
    const std::int8_t* starts;  // per register 0, 1, or -1 for anything
    const std::int8_t* memory;  // per bit of the memories, likewise
    std::int64_t memory_bits;
    const Index* observed;  // nodes of the record
    Index observed_bits, image_bits, nodes;
};

// As `_Traffic` in lanes.py.  Image n is of lane n / per_lane; what a lane gets first is at its input in row 0.
struct Traffic {
    const Word* images;  // per image and pixel the bits of the port, filled up to whole words
    std::int64_t count, per_lane, used;  // used: lanes that the record has
    std::int64_t rows, interval, map_rows, map_columns, row_cycles, column_cycles;
    Word seed;
    const std::int32_t* stop;  // anything but 0: give up
};

}

namespace {

constexpr Index RESET = 2, VALID = 3, IMAGE = 4;

// Exchanges the high half of each 2·STEP bits of a word with the low half of those of the word STEP further on, and so
// on with half of STEP: bit i of word k becomes bit k of word i.
template <int STEP = WORD_BITS / 2> void transpose(Word* block) {
    constexpr Word LOW = ~Word{} / ((Word{1} << STEP) + 1);
    for (Word *pair = block; pair != block + WORD_BITS; pair += 2 * STEP) {
        for (int k = 0; k < STEP; ++k) {
            const Word swapped = ((pair[k] >> STEP) ^ pair[k + STEP]) & LOW;
            pair[k] ^= swapped << STEP;
            pair[k + STEP] ^= swapped;
        }
    }
    if constexpr (STEP > 1) transpose<STEP / 2>(block);
}

class Noise {
public:
    explicit Noise(Word seed) : m_state{seed} {}
    Word next() {
        Word x = m_state += 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
    }

private:
    Word m_state;
};

template <int WORDS> struct Lanes {
    typedef Word Vector __attribute__((vector_size(WORDS * sizeof(Word))));
};

template <int WORDS> class Simulation {
    using Vector = typename Lanes<WORDS>::Vector;

public:
    Simulation(const Circuit& circuit, const Traffic& traffic, Word* record)
        : m_circuit{circuit}
        , m_traffic{traffic}
        , m_record{record}
        , m_image_words{(circuit.image_bits + WORD_BITS - 1) / WORD_BITS}
        , m_record_words{(circuit.observed_bits + WORD_BITS - 1) / WORD_BITS}
        , m_pixels{traffic.map_rows * traffic.map_columns}
        , m_noise{traffic.seed}
        , m_nodes(circuit.nodes)
        , m_after(circuit.registers)
        , m_memory(circuit.memory_bits) {
        m_nodes[1] = ~Vector{};
        for (Index at = 0; at < circuit.registers; ++at)
            start(m_nodes[circuit.first_register + at], circuit.starts[at]);
        for (std::int64_t at = 0; at < circuit.memory_bits; ++at) start(m_memory[at], circuit.memory[at]);
    }

    bool run() {
        m_nodes[RESET] = ~Vector{};
        for (int tick = 0; tick < 2; ++tick) {
            evaluate();
            clock();
        }
        m_nodes[RESET] = Vector{};
        for (std::int64_t row = 0; row < m_traffic.rows; ++row) {
            if (*static_cast<const volatile std::int32_t*>(m_traffic.stop)) return false;
            enter(row);
            evaluate();
            observe(row);
            clock();
        }
        return true;
    }

private:
    const Circuit& m_circuit;
    const Traffic& m_traffic;
    Word* m_record;
    const Index m_image_words, m_record_words;
    const std::int64_t m_pixels;
    Noise m_noise;
    std::vector<Vector> m_nodes, m_after, m_memory;

    void fill(Vector& bit) {
        for (int word = 0; word < WORDS; ++word) bit[word] = m_noise.next();
    }

    void start(Vector& bit, std::int8_t value) {
        if (value < 0)
            fill(bit);
        else
            bit = value ? ~Vector{} : Vector{};
    }

    // Sets the inputs of all lanes: the pixel of this row, or noise with `valid` low.
    void enter(std::int64_t row) {
        const std::int64_t image = row / m_traffic.interval, within = row % m_traffic.interval;
        const std::int64_t map_row = within / m_traffic.row_cycles, of_row = within % m_traffic.row_cycles;
        const std::int64_t column = of_row / m_traffic.column_cycles;
        const bool enters = image < m_traffic.per_lane && map_row < m_traffic.map_rows &&
                            of_row % m_traffic.column_cycles == 0 && column < m_traffic.map_columns;
        m_nodes[VALID] = Vector{};
        if (!enters) {
            for (Index bit = 0; bit < m_circuit.image_bits; ++bit) fill(m_nodes[IMAGE + bit]);
            return;
        }
        const std::int64_t pixel = map_row * m_traffic.map_columns + column;
        for (int group = 0; group < WORDS; ++group) {
            const std::int64_t first = group * WORD_BITS * m_traffic.per_lane + image;
            for (Index word = 0; word < m_image_words; ++word) {
                Word block[WORD_BITS], valid = 0;
                for (int lane = 0; lane < WORD_BITS; ++lane) {
                    const std::int64_t number = first + lane * m_traffic.per_lane;
                    const bool there = number < m_traffic.count;
                    valid |= static_cast<Word>(there) << lane;
                    block[lane] = there ? m_traffic.images[(number * m_pixels + pixel) * m_image_words + word] : m_noise.next();
                }
                transpose(block);
                const Index bits = std::min(WORD_BITS, m_circuit.image_bits - word * WORD_BITS);
                for (Index bit = 0; bit < bits; ++bit) m_nodes[IMAGE + word * WORD_BITS + bit][group] = block[bit];
                m_nodes[VALID][group] = valid;
            }
        }
    }

    void evaluate() {
        Vector* const nodes = m_nodes.data();
        for (const Index* at = m_circuit.program; at != m_circuit.program_end;) {
            const Index kind = at[0], first = at[1], count = at[2];
            if (kind == READ) {
                read(at);
                at += 6 + at[5];
                continue;
            }
            Vector* const out = nodes + first;
            const Index* in = at + 3;
            switch (kind) {
            case NOT:
                for (Index i = 0; i < count; ++i, in += 1) out[i] = ~nodes[in[0]];
                break;
            case AND:
                for (Index i = 0; i < count; ++i, in += 2) out[i] = nodes[in[0]] & nodes[in[1]];
                break;
            case AND_NOT:
                for (Index i = 0; i < count; ++i, in += 2) out[i] = nodes[in[0]] & ~nodes[in[1]];
                break;
            case OR:
                for (Index i = 0; i < count; ++i, in += 2) out[i] = nodes[in[0]] | nodes[in[1]];
                break;
            case OR_NOT:
                for (Index i = 0; i < count; ++i, in += 2) out[i] = nodes[in[0]] | ~nodes[in[1]];
                break;
            case XOR:
                for (Index i = 0; i < count; ++i, in += 2) out[i] = nodes[in[0]] ^ nodes[in[1]];
                break;
            case MUX:
                for (Index i = 0; i < count; ++i, in += 3)
                    out[i] = nodes[in[1]] ^ (nodes[in[0]] & (nodes[in[1]] ^ nodes[in[2]]));
                break;
            case ODD:
                for (Index i = 0; i < count; ++i, in += 3) out[i] = nodes[in[0]] ^ nodes[in[1]] ^ nodes[in[2]];
                break;
            case MAJORITY:
                for (Index i = 0; i < count; ++i, in += 3)
                    out[i] = (nodes[in[0]] & (nodes[in[1]] | nodes[in[2]])) | (nodes[in[1]] & nodes[in[2]]);
                break;
            case BORROW:
                for (Index i = 0; i < count; ++i, in += 3)
                    out[i] = (~nodes[in[0]] & (nodes[in[1]] | nodes[in[2]])) | (nodes[in[1]] & nodes[in[2]]);
                break;
            }
            at = in;
        }
    }

    // Calls `action` for each address that any lane in `lanes` has, with the lanes that have it.  Mostly it is one:
    // the copies have one clock, and so what they count is equal.
    template <typename Action> void per_address(const Index* address, Index bits, const Vector& all, Action action) {
        Vector lanes = all;
        for (int group = 0; group < WORDS; ++group) {
            while (lanes[group]) {
                const int lane = __builtin_ctzll(lanes[group]);
                std::int64_t number = 0;
                Vector same = lanes;
                for (Index bit = 0; bit < bits; ++bit) {
                    const Vector& value = m_nodes[address[bit]];
                    const bool high = value[group] >> lane & 1;
                    number |= static_cast<std::int64_t>(high) << bit;
                    same &= high ? value : ~value;
                }
                action(number, same);
                lanes &= ~same;
            }
        }
    }

    void read(const Index* at) {
        Vector* const out = m_nodes.data() + at[1];
        const Index bits = at[2], words = at[4];
        const Vector* const memory = m_memory.data() + at[3];
        std::fill(out, out + bits, Vector{});
        per_address(at + 6, at[5], ~Vector{}, [=](std::int64_t number, const Vector& lanes) {
            if (number >= words) return;
            for (Index bit = 0; bit < bits; ++bit) out[bit] |= lanes & memory[number * bits + bit];
        });
    }

    // The clock edge: what was evaluated before it is taken over everywhere at once.
    void clock() {
        for (const Index* at = m_circuit.writes; at != m_circuit.writes_end;) {
            const Index words = at[1], bits = at[2], address_bits = at[3];
            Vector* const memory = m_memory.data() + at[0];
            const Index *address = at + 4, *data = address + address_bits, *enable = data + bits;
            Vector any{};
            for (Index bit = 0; bit < bits; ++bit) any |= m_nodes[enable[bit]];
            per_address(address, address_bits, any, [=](std::int64_t number, const Vector& lanes) {
                if (number >= words) return;
                for (Index bit = 0; bit < bits; ++bit) {
                    Vector& stored = memory[number * bits + bit];
                    stored ^= (stored ^ m_nodes[data[bit]]) & m_nodes[enable[bit]] & lanes;
                }
            });
            at = enable + bits;
        }
        for (Index at = 0; at < m_circuit.registers; ++at) m_after[at] = m_nodes[m_circuit.next[at]];
        std::copy(m_after.begin(), m_after.end(), m_nodes.begin() + m_circuit.first_register);
    }

    void observe(std::int64_t row) {
        for (int group = 0; group < WORDS; ++group) {
            for (Index word = 0; word < m_record_words; ++word) {
                Word block[WORD_BITS] = {};
                const Index bits = std::min(WORD_BITS, m_circuit.observed_bits - word * WORD_BITS);
                for (Index bit = 0; bit < bits; ++bit)
                    block[bit] = m_nodes[m_circuit.observed[word * WORD_BITS + bit]][group];
                transpose(block);
                const std::int64_t first = group * WORD_BITS;
                const std::int64_t lanes = std::min<std::int64_t>(WORD_BITS, m_traffic.used - first);
                for (std::int64_t lane = 0; lane < lanes; ++lane)
                    m_record[((first + lane) * m_traffic.rows + row) * m_record_words + word] = block[lane];
            }
        }
    }
};

}  // namespace

// Runs the images of `traffic` through 64·words copies of `circuit`, words 1, 2 or 4.  `record` gets, for each lane and
// row, the observed bits just before the rising edge at the end of the row, filled up to whole words.  Returns whether
// it came to the end.
extern "C" int simulate_lanes(const Circuit* circuit, const Traffic* traffic, int words, Word* record) {
    switch (words) {
    case 1: return Simulation<1>{*circuit, *traffic, record}.run();
    case 2: return Simulation<2>{*circuit, *traffic, record}.run();
    case 4: return Simulation<4>{*circuit, *traffic, record}.run();
    }
    return 0;
}
