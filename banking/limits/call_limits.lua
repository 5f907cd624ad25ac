-- Takes one token from every bucket of a call, or from none; or parks one bucket.
--
-- A bucket is one number: the time, in microseconds, at which it will be full again (GCRA, the virtual scheduling form
-- of a token bucket). A missing bucket is full. Whole numbers only, so that Python computes the same.
-- banking/limits/local_limits.py has the same in Python.

local MICROSECONDS = 1000000

local function read_clock(given)
    if given ~= '' then
        return tonumber(given)
    end
    local time = redis.call('TIME')
    return tonumber(time[1]) * MICROSECONDS + tonumber(time[2])
end

local function write(key, full_at, now)
    -- As whole digits: how Redis writes a number of Lua differs between its versions.
    redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1000)
end

-- KEYS: the buckets of the client, the Item and the institution, the counts.
-- ARGV: 'take', now or '', endpoint, and for each bucket interval, tolerance and reserve.
local function take()
    local now, endpoint = read_clock(ARGV[2]), ARGV[3]
    local longest, scope, full_at = 0, 0, {}
    for bucket = 1, 3 do
        local tolerance, reserve = tonumber(ARGV[2 + bucket * 3]), tonumber(ARGV[3 + bucket * 3])
        full_at[bucket] = tonumber(redis.call('GET', KEYS[bucket]) or '0')
        local wait = full_at[bucket] - tolerance + reserve - now
        if wait > longest then
            longest, scope = wait, bucket
        end
    end
    if longest > 0 then
        return {longest, scope}
    end
    for bucket = 1, 3 do
        local interval = tonumber(ARGV[1 + bucket * 3])
        if interval > 0 then
            write(KEYS[bucket], math.max(now, full_at[bucket]) + interval, now)
        end
    end
    redis.call('HINCRBY', KEYS[4], math.floor(now / MICROSECONDS / 86400) .. ':' .. endpoint, 1)
    return {0, 0}
end

-- KEYS: the bucket, the list of what is parked. ARGV: 'park', now or '', microseconds, tolerance, name.
local function park()
    local now, tolerance = read_clock(ARGV[2]), tonumber(ARGV[4])
    local ends_at = now + tonumber(ARGV[3])
    -- It starts with one token when the park ends, so that those who waited do not all call at once.
    local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), ends_at + tolerance)
    write(KEYS[1], full_at, now)
    redis.call('HSET', KEYS[2], ARGV[5], string.format('%.0f', full_at - tolerance))
    return {full_at - tolerance - now, 0}
end

return ARGV[1] == 'take' and take() or park()
