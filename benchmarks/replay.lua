-- wrk sends the requests of a file, in order. In the file each request stands behind a line with its length in bytes.
-- Arguments: the file, and "cycle" (begin again at the end) or "once" (a second CreateUser of a name would be refused);
-- and, to stay below what can be answered, the milliseconds that each connection waits between an answer and a request.

local requests, sent, cycling = {}, 0, false

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    cycling = arguments[2] == "cycle"
    for length in function() return file:read("*l") end do
        requests[#requests + 1] = file:read(tonumber(length))
    end
    file:close()
    if arguments[3] then
        local pause = tonumber(arguments[3])
        function delay()
            return pause
        end
    end
end

function request()
    if sent == #requests and cycling then
        sent = 0
    end
    sent = sent + 1
    -- Not protected by wrk: the error ends it, and the run counts for nothing.
    return requests[sent] or error("all " .. #requests .. " requests are used up before the time is")
end

function done(summary)
    local errors = summary.errors
    local other = errors.connect + errors.read + errors.write + errors.timeout
    print(string.format("RESULT %d %d %d %d", summary.duration, summary.requests, errors.status, other))
end
