// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPayer} from "./IPayer.sol";
import {PriceHistory} from "./PriceHistory.sol";
import {SwapSteps} from "./SwapSteps.sol";
import {TickBitmap} from "./TickBitmap.sol";
import {TickPrices} from "./TickPrices.sol";

/// @title Pool
/// @notice Two tokens and concentrated liquidity: each position covers a range of ticks. The work of a swap is that of
/// the large exchanges: tick bitmap, square-root prices, crossed ticks, fees by growth, price history, a callback that
/// pays. For examples and benchmarks; it has no owner, no protocol fee and no flash loans.
contract Pool {
    using PriceHistory for PriceHistory.Observation[65535];
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using TickBitmap for mapping(int16 => uint256);

    uint256 private constant Q128 = 1 << 128;

    /// @notice All that a swap changes of the price, in one slot.
    struct Market {
        uint160 sqrtPrice;
        int24 tick;
        uint16 newest;
        uint16 historyLength;
        bool unlocked;
    }

    /// @notice A tick where liquidity begins or ends. The values "outside" are relative to the other side of the price.
    struct Tick {
        uint128 gross;
        int128 net;
        uint256 feeOutside0;
        uint256 feeOutside1;
        int56 tickSumOutside;
        uint160 secondsPerLiquidityOutside;
        uint32 secondsOutside;
    }

    /// @notice Somebody's liquidity in a range; fee growth as it was when the position was last touched.
    struct Position {
        uint128 liquidity;
        uint256 feeInside0;
        uint256 feeInside1;
        uint128 owed0;
        uint128 owed1;
    }

    IERC20 public token0;
    IERC20 public token1;
    uint24 public fee;
    int24 public spacing;
    Market public market;
    uint128 public liquidity;
    uint256 public feeGrowth0;
    uint256 public feeGrowth1;
    mapping(int24 => Tick) public ticks;
    mapping(int16 => uint256) public bitmap;
    mapping(bytes32 => Position) public positions;
    PriceHistory.Observation[65535] public history;

    event Swapped(
        address indexed sender,
        address indexed recipient,
        bool down,
        uint256 amountIn,
        uint256 amountOut,
        uint160 sqrtPrice,
        uint128 liquidity,
        int24 tick
    );
    event Minted(address indexed owner, int24 lower, int24 upper, uint128 liquidity, uint256 amount0, uint256 amount1);
    event Burned(address indexed owner, int24 lower, int24 upper, uint128 liquidity, uint256 amount0, uint256 amount1);
    event Collected(address indexed owner, address recipient, uint128 amount0, uint128 amount1);

    /// @dev What a swap carries from step to step.
    struct Run {
        uint160 sqrtPrice;
        int24 tick;
        uint128 liquidity;
        uint256 remaining;
        uint256 amountOut;
        uint256 feeGrowth;
        PriceHistory.Observation now_;
        bool hasNow;
    }

    modifier locked() {
        require(market.unlocked, "Pool: locked");
        market.unlocked = false;
        _;
        market.unlocked = true;
    }

    /// @notice Sets the tokens, the fee in millionths, the distance of usable ticks, the first price, and how many
    /// observations are kept.
    function initialize(IERC20 first, IERC20 second, uint24 fee_, int24 spacing_, uint160 sqrtPrice, uint16 length)
        external
    {
        require(market.sqrtPrice == 0, "Pool: initialized already");
        require(address(first) < address(second) && fee_ < SwapSteps.FEE_UNIT && spacing_ > 0 && length > 0, "Pool: parameters");
        (token0, token1, fee, spacing) = (first, second, fee_, spacing_);
        market = Market(sqrtPrice, TickPrices.tickAt(sqrtPrice), 0, length, true);
        for (uint256 index = 0; index < length; ++index) {
            history[index] = PriceHistory.Observation(uint32(block.timestamp), 0, 0, index == 0);
        }
    }

    /// @notice Swaps up to `amountIn`, fee included, until the price reaches `limit`; `down` gives token 0 for token 1.
    /// @return paid What the caller has paid, @return received what the recipient has got.
    function swap(address recipient, bool down, uint256 amountIn, uint160 limit, bytes calldata data)
        external
        locked
        returns (uint256 paid, uint256 received)
    {
        Market memory start = market;
        require(amountIn > 0 && amountIn < 1 << 127, "Pool: amount");
        require(
            down
                ? limit < start.sqrtPrice && limit > TickPrices.MIN_SQRT_PRICE
                : limit > start.sqrtPrice && limit < TickPrices.MAX_SQRT_PRICE,
            "Pool: limit"
        );
        Run memory run;
        (run.sqrtPrice, run.tick, run.liquidity) = (start.sqrtPrice, start.tick, liquidity);
        (run.remaining, run.feeGrowth) = (amountIn, down ? feeGrowth0 : feeGrowth1);
        while (run.remaining > 0 && run.sqrtPrice != limit) _step(run, start, down, limit);
        _settle(run, start, down);
        (paid, received) = (amountIn - run.remaining, run.amountOut);
        if (received > 0) (down ? token1 : token0).safeTransfer(recipient, received);
        _take(down ? paid : 0, down ? 0 : paid, data);
        emit Swapped(msg.sender, recipient, down, paid, received, run.sqrtPrice, run.liquidity, run.tick);
    }

    /// @notice Adds liquidity between two ticks for `owner`; the caller pays.
    function mint(address owner, int24 lower, int24 upper, uint128 added, bytes calldata data)
        external
        locked
        returns (uint256 amount0, uint256 amount1)
    {
        require(added > 0, "Pool: no liquidity");
        _change(owner, lower, upper, uint256(added).toInt256());
        (amount0, amount1) = _amounts(lower, upper, added, Math.Rounding.Ceil);
        _take(amount0, amount1, data);
        emit Minted(owner, lower, upper, added, amount0, amount1);
    }

    /// @notice Takes liquidity back; its tokens, and fees so far, are then owed to the caller. With nothing taken, only
    /// the fees are counted.
    function burn(int24 lower, int24 upper, uint128 removed) external locked returns (uint256 amount0, uint256 amount1) {
        Position storage position = _change(msg.sender, lower, upper, -uint256(removed).toInt256());
        (amount0, amount1) = _amounts(lower, upper, removed, Math.Rounding.Floor);
        position.owed0 += amount0.toUint128();
        position.owed1 += amount1.toUint128();
        emit Burned(msg.sender, lower, upper, removed, amount0, amount1);
    }

    /// @notice Pays out what is owed to a position of the caller.
    function collect(int24 lower, int24 upper, address recipient) external locked returns (uint128 amount0, uint128 amount1) {
        Position storage position = positions[positionKey(msg.sender, lower, upper)];
        (amount0, amount1) = (position.owed0, position.owed1);
        (position.owed0, position.owed1) = (0, 0);
        if (amount0 > 0) token0.safeTransfer(recipient, amount0);
        if (amount1 > 0) token1.safeTransfer(recipient, amount1);
        emit Collected(msg.sender, recipient, amount0, amount1);
    }

    /// @notice Where `positions` has somebody's liquidity in a range.
    function positionKey(address owner, int24 lower, int24 upper) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(owner, lower, upper));
    }

    /// @dev To the next tick of the bitmap, to the limit, or as far as the rest leads.
    function _step(Run memory run, Market memory start, bool down, uint160 limit) private {
        (int24 next, bool marked) = bitmap.next(run.tick, spacing, down);
        if (next < -TickPrices.MAX_TICK) next = -TickPrices.MAX_TICK;
        if (next > TickPrices.MAX_TICK) next = TickPrices.MAX_TICK;
        uint160 nextPrice = TickPrices.sqrtPriceAt(next);
        uint160 before = run.sqrtPrice;
        SwapSteps.Step memory step = SwapSteps.take(
            before, (down ? nextPrice < limit : nextPrice > limit) ? limit : nextPrice, run.liquidity, run.remaining, fee
        );
        run.sqrtPrice = step.next;
        run.remaining -= step.amountIn + step.fee;
        run.amountOut += step.amountOut;
        unchecked {
            if (run.liquidity > 0) run.feeGrowth += Math.mulDiv(step.fee, Q128, run.liquidity);
        }
        if (step.next == nextPrice) {
            if (marked) _cross(run, start, next, down);
            run.tick = down ? next - 1 : next;
        } else if (step.next != before) {
            run.tick = TickPrices.tickAt(step.next);
        }
    }

    /// @dev The price passes a tick: what was outside is inside, and liquidity begins or ends.
    function _cross(Run memory run, Market memory start, int24 next, bool down) private {
        if (!run.hasNow) {
            run.now_ = PriceHistory.carry(history[start.newest], uint32(block.timestamp), start.tick, liquidity);
            run.hasNow = true;
        }
        Tick storage tick = ticks[next];
        unchecked {
            tick.feeOutside0 = (down ? run.feeGrowth : feeGrowth0) - tick.feeOutside0;
            tick.feeOutside1 = (down ? feeGrowth1 : run.feeGrowth) - tick.feeOutside1;
            tick.tickSumOutside = run.now_.tickSum - tick.tickSumOutside;
            tick.secondsPerLiquidityOutside = run.now_.secondsPerLiquidity - tick.secondsPerLiquidityOutside;
            tick.secondsOutside = uint32(block.timestamp) - tick.secondsOutside;
        }
        int256 change = down ? -int256(tick.net) : int256(tick.net);
        run.liquidity = uint256(int256(uint256(run.liquidity)) + change).toUint128();
    }

    /// @dev Writes what a swap has changed.
    function _settle(Run memory run, Market memory start, bool down) private {
        if (run.tick != start.tick) {
            uint16 newest = history.write(
                start.newest, start.historyLength, uint32(block.timestamp), start.tick, liquidity
            );
            market = Market(run.sqrtPrice, run.tick, newest, start.historyLength, false);
        } else {
            market.sqrtPrice = run.sqrtPrice;
        }
        if (run.liquidity != liquidity) liquidity = run.liquidity;
        if (down) feeGrowth0 = run.feeGrowth;
        else feeGrowth1 = run.feeGrowth;
    }

    /// @dev Asks the caller to pay, and looks whether it has.
    function _take(uint256 amount0, uint256 amount1, bytes calldata data) private {
        uint256 before0 = amount0 > 0 ? token0.balanceOf(address(this)) : 0;
        uint256 before1 = amount1 > 0 ? token1.balanceOf(address(this)) : 0;
        IPayer(msg.sender).pay(amount0, amount1, data);
        require(amount0 == 0 || token0.balanceOf(address(this)) >= before0 + amount0, "Pool: token 0 not paid");
        require(amount1 == 0 || token1.balanceOf(address(this)) >= before1 + amount1, "Pool: token 1 not paid");
    }

    /// @dev Changes a position's liquidity, and adds the fees since it was last touched to what it is owed.
    function _change(address owner, int24 lower, int24 upper, int256 change) private returns (Position storage position) {
        require(lower < upper && lower >= -TickPrices.MAX_TICK && upper <= TickPrices.MAX_TICK, "Pool: range");
        require(lower % spacing == 0 && upper % spacing == 0, "Pool: tick between the usable ones");
        Market memory current = market;
        if (change != 0) {
            PriceHistory.Observation memory now_ =
                PriceHistory.carry(history[current.newest], uint32(block.timestamp), current.tick, liquidity);
            _changeTick(lower, current.tick, change, false, now_);
            _changeTick(upper, current.tick, change, true, now_);
        }
        position = positions[positionKey(owner, lower, upper)];
        _count(position, lower, upper, current.tick);
        position.liquidity = uint256(int256(uint256(position.liquidity)) + change).toUint128();
        if (change < 0) {
            if (ticks[lower].gross == 0) delete ticks[lower];
            if (ticks[upper].gross == 0) delete ticks[upper];
        }
        if (change != 0 && lower <= current.tick && current.tick < upper) {
            market.newest = history.write(
                current.newest, current.historyLength, uint32(block.timestamp), current.tick, liquidity
            );
            liquidity = uint256(int256(uint256(liquidity)) + change).toUint128();
        }
    }

    function _changeTick(int24 index, int24 current, int256 change, bool isUpper, PriceHistory.Observation memory now_)
        private
    {
        Tick storage tick = ticks[index];
        uint128 before = tick.gross;
        uint128 gross = uint256(int256(uint256(before)) + change).toUint128();
        if (before == 0 && index <= current) {
            (tick.feeOutside0, tick.feeOutside1) = (feeGrowth0, feeGrowth1);
            (tick.tickSumOutside, tick.secondsPerLiquidityOutside) = (now_.tickSum, now_.secondsPerLiquidity);
            tick.secondsOutside = uint32(block.timestamp);
        }
        tick.gross = gross;
        tick.net = SafeCast.toInt128(isUpper ? int256(tick.net) - change : int256(tick.net) + change);
        if ((before == 0) != (gross == 0)) bitmap.flip(index, spacing);
    }

    /// @dev Adds the fees that grew inside the range.
    function _count(Position storage position, int24 lower, int24 upper, int24 current) private {
        (Tick storage low, Tick storage high) = (ticks[lower], ticks[upper]);
        uint256 inside0 = _inside(feeGrowth0, low.feeOutside0, high.feeOutside0, current >= lower, current < upper);
        uint256 inside1 = _inside(feeGrowth1, low.feeOutside1, high.feeOutside1, current >= lower, current < upper);
        uint256 held = position.liquidity;
        unchecked {
            position.owed0 += Math.mulDiv(inside0 - position.feeInside0, held, Q128).toUint128();
            position.owed1 += Math.mulDiv(inside1 - position.feeInside1, held, Q128).toUint128();
        }
        (position.feeInside0, position.feeInside1) = (inside0, inside1);
    }

    /// @dev Growth inside a range: all, less what is below and what is above. It wraps; only differences count.
    function _inside(uint256 all, uint256 low, uint256 high, bool aboveLower, bool belowUpper)
        private
        pure
        returns (uint256)
    {
        unchecked {
            return all - (aboveLower ? low : all - low) - (belowUpper ? high : all - high);
        }
    }

    /// @dev The tokens that make up liquidity in a range at the price of now.
    function _amounts(int24 lower, int24 upper, uint128 held, Math.Rounding rounding)
        private
        view
        returns (uint256 amount0, uint256 amount1)
    {
        uint160 low = TickPrices.sqrtPriceAt(lower);
        uint160 high = TickPrices.sqrtPriceAt(upper);
        uint160 price = market.sqrtPrice;
        if (price < high) amount0 = SwapSteps.amount0(price > low ? price : low, high, held, rounding);
        if (price > low) amount1 = SwapSteps.amount1(low, price < high ? price : high, held, rounding);
    }
}
