// Bytes on L1 for given blocks in span channels of op-node's, which are the ones that op-batcher posts.
//
//	span_channel [-frame-bytes N] [-frames N] BLOCKS.json COMPRESSION...
//
// BLOCKS.json is what `python -m bench.l1_bytes --json` writes. Printed is one object of JSON a line, for each workload
// and compression. Counted is what L1 carries: compressed batches, frame headers, and a version byte for each frame,
// since each stands in a transaction of its own. Built as a package of the optimism module, whose go.mod serves it.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"sort"

	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-node/rollup/derive"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Version of the bytes that a transaction or a blob begins with.
const versionBytes = 1

type chainFile struct {
	ChainID     int64                  `json:"chainId"`
	GenesisTime uint64                 `json:"genesisTime"`
	BlockTime   uint64                 `json:"blockTime"`
	Workloads   map[string][]blockFile `json:"workloads"`
}

type blockFile struct {
	Number       uint64   `json:"number"`
	Parent       string   `json:"parent"`
	Timestamp    uint64   `json:"timestamp"`
	Deposit      string   `json:"deposit"`
	Transactions []string `json:"transactions"`
}

type sizes struct {
	frameBytes uint64 // with its header
	frames     uint64 // that a channel shall not exceed
}

type written struct {
	Workload     string `json:"workload"`
	Compression  string `json:"compression"`
	Bytes        int    `json:"bytes"`
	Transactions int    `json:"transactions"`
	Channels     int    `json:"channels"`
}

func main() {
	var wanted sizes
	flag.Uint64Var(&wanted.frameBytes, "frame-bytes", 120_000, "of a frame, its header counted in")
	flag.Uint64Var(&wanted.frames, "frames", 4, "of a channel")
	flag.Parse()
	if err := run(flag.Args(), wanted); err != nil {
		fmt.Fprintln(os.Stderr, "span_channel:", err)
		os.Exit(1)
	}
}

func run(arguments []string, wanted sizes) error {
	if len(arguments) < 2 {
		return errors.New("a file of blocks and at least one compression are needed")
	}
	if wanted.frameBytes <= derive.FrameV0OverHeadSize || wanted.frames == 0 {
		return fmt.Errorf("%d frames of %d bytes hold nothing", wanted.frames, wanted.frameBytes)
	}
	chain, err := readChain(arguments[0])
	if err != nil {
		return err
	}
	config := makeConfig(chain)
	names := make([]string, 0, len(chain.Workloads))
	for name := range chain.Workloads {
		names = append(names, name)
	}
	sort.Strings(names)
	output := json.NewEncoder(os.Stdout)
	for _, name := range names {
		blocks, err := decodeBlocks(chain.Workloads[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, compression := range arguments[1:] {
			found, err := write(config, derive.CompressionAlgo(compression), wanted, blocks)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, compression, err)
			}
			found.Workload = name
			if err := output.Encode(found); err != nil {
				return err
			}
		}
	}
	return nil
}

func readChain(path string) (*chainFile, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var chain chainFile
	if err := json.Unmarshal(content, &chain); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(chain.Workloads) == 0 {
		return nil, fmt.Errorf("%s holds no workload", path)
	}
	return &chain, nil
}

// All forks up to Isthmus, from genesis on.
func makeConfig(chain *chainFile) *rollup.Config {
	genesis := uint64(0)
	config := &rollup.Config{
		BlockTime:    chain.BlockTime,
		L2ChainID:    big.NewInt(chain.ChainID),
		RegolithTime: &genesis,
		CanyonTime:   &genesis,
		DeltaTime:    &genesis,
		EcotoneTime:  &genesis,
		FjordTime:    &genesis,
		GraniteTime:  &genesis,
		HoloceneTime: &genesis,
		IsthmusTime:  &genesis,
	}
	config.Genesis.L2Time = chain.GenesisTime
	return config
}

func decodeBlocks(told []blockFile) ([]*types.Block, error) {
	blocks := make([]*types.Block, 0, len(told))
	for _, block := range told {
		transactions := make(types.Transactions, 0, 1+len(block.Transactions))
		for _, encoded := range append([]string{block.Deposit}, block.Transactions...) {
			raw, err := hex.DecodeString(encoded)
			if err != nil {
				return nil, fmt.Errorf("block %d: %w", block.Number, err)
			}
			transaction := new(types.Transaction)
			if err := transaction.UnmarshalBinary(raw); err != nil {
				return nil, fmt.Errorf("block %d: %w", block.Number, err)
			}
			transactions = append(transactions, transaction)
		}
		header := &types.Header{
			Number:     new(big.Int).SetUint64(block.Number),
			ParentHash: common.HexToHash(block.Parent),
			Time:       block.Timestamp,
		}
		blocks = append(blocks, types.NewBlockWithHeader(header).WithBody(types.Body{Transactions: transactions}))
	}
	return blocks, nil
}

// Channels one after another, each with as many blocks as it takes.
func write(
	config *rollup.Config, compression derive.CompressionAlgo, wanted sizes, blocks []*types.Block,
) (*written, error) {
	if !derive.ValidCompressionAlgo(compression) {
		return nil, errors.New("unknown compression")
	}
	target := wanted.frames * (wanted.frameBytes - derive.FrameV0OverHeadSize)
	found := &written{Compression: string(compression)}
	open := func() (*derive.SpanChannelOut, error) {
		found.Channels++
		return derive.NewSpanChannelOut(target, compression, rollup.NewChainSpec(config))
	}
	channel, err := open()
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		_, err := channel.AddBlock(config, block)
		if errors.Is(err, derive.ErrCompressorFull) {
			// The block is not in it.
			size, err := closeChannel(channel, wanted.frameBytes)
			if err != nil {
				return nil, err
			}
			found.Bytes += size
			if channel, err = open(); err != nil {
				return nil, err
			}
			if _, err = channel.AddBlock(config, block); err != nil {
				return nil, fmt.Errorf("block %d alone: %w", block.NumberU64(), err)
			}
		} else if err != nil {
			return nil, fmt.Errorf("block %d: %w", block.NumberU64(), err)
		}
		found.Transactions += len(block.Transactions()) - 1
	}
	size, err := closeChannel(channel, wanted.frameBytes)
	if err != nil {
		return nil, err
	}
	found.Bytes += size
	return found, nil
}

// Bytes of all its frames, each with a version byte before it.
func closeChannel(channel *derive.SpanChannelOut, frameBytes uint64) (int, error) {
	if err := channel.Close(); err != nil {
		return 0, err
	}
	total := 0
	for {
		var frame bytes.Buffer
		_, err := channel.OutputFrame(&frame, frameBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		total += versionBytes + frame.Len()
		if err != nil {
			return total, nil
		}
	}
}
