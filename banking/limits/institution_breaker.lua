-- Pauses the calls about one bank after failures of several Items, and lets one Item at a time probe it.

local MICROSECONDS = 1000000

local function read_clock(given)
    if given ~= '' then
        return tonumber(given)
    end
    local time = redis.call('TIME')
    return tonumber(time[1]) * MICROSECONDS + tonumber(time[2])
end

local function text(number)
    return string.format('%.0f', number)
end

-- KEYS: the failures by Item, the state, the list of paused banks.
-- ARGV: operation, now or '', item, bank, window, failures, first pause, longest pause, duration of a probe.
local operation, now, item, bank = ARGV[1], read_clock(ARGV[2]), ARGV[3], ARGV[4]
local window, threshold = tonumber(ARGV[5]), tonumber(ARGV[6])
local first, longest, probe_time = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

if operation == 'succeed' then
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('HDEL', KEYS[3], bank)
    return 0
end

local state = redis.call('HMGET', KEYS[2], 'until', 'probe', 'pause')
local ends_at, probe, pause = tonumber(state[1] or '0'), state[2], tonumber(state[3] or '0')

if operation == 'enter' then
    if pause == 0 or probe == item then
        return 0
    end
    if now < ends_at then
        return ends_at - now
    end
    -- The first Item after the pause probes; the others wait until it has succeeded, failed, or taken too long.
    redis.call('HSET', KEYS[2], 'until', text(now + probe_time), 'probe', item)
    return 0
end

redis.call('ZADD', KEYS[1], now, item)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
local reopens = pause > 0 and (probe == item or now >= ends_at)
if reopens or (pause == 0 and redis.call('ZCARD', KEYS[1]) >= threshold) then
    pause = pause > 0 and math.min(pause * 2, longest) or first
    redis.call('HSET', KEYS[2], 'until', text(now + pause), 'probe', '', 'pause', text(pause))
    -- Long enough for a probe; if nobody of this bank is due for so long, it starts anew.
    redis.call('PEXPIRE', KEYS[2], math.ceil((pause + longest) / 1000))
    redis.call('HSET', KEYS[3], bank, text(now + pause))
end
return 0
