// The cells of recurrent layers, whose gates stand in a row one behind the other, in the order of PyTorch's files.

const LSTM: u32 = 0u;
const GRU: u32 = 1u;
const PLAIN: u32 = 2u;
override CELL: u32 = 0u;

fn number_of_gates() -> u32 {
    switch CELL {
        case LSTM: { return 4u; }
        case GRU: { return 3u; }
        default: { return 1u; }
    }
}
