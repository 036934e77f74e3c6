%% Expressions that a test node evaluates (file:eval) while its virtual machine starts, before RabbitMQ does.
%% Every Erlang program that inherits the environment comes past here: only the server itself carries the flag.
case init:get_argument(loghive_node) of
  {ok, _} ->
    Port = list_to_integer(os:getenv("LOGHIVE_CONTROL_PORT")),
    Address = os:getenv("LOGHIVE_CONTROL_ADDRESS", "127.0.0.1"),
    Secret = list_to_binary(os:getenv("LOGHIVE_CONTROL_SECRET")),

    %% One module after the other, as the code server would load them during the boot, takes two seconds longer.
    spawn(fun() ->
      Pattern = "/(amqp10_common|aten|compiler|credentials_obfuscation|cuttlefish|inets|jsx|kernel|mnesia"
        "|observer_cli|os_mon|osiris|public_key|ra|rabbit|rabbit_common|rabbitmq_prelaunch|ranch|recon|sasl|seshat"
        "|ssl|stdlib|stdout_formatter|syntax_tools|syslog|sysmon_handler|systemd|tools|xmerl)-[0-9.]+/ebin$",
      Folders = [F || F <- code:get_path(), re:run(F, Pattern) =/= nomatch],
      Files = lists:append([filelib:wildcard(F ++ "/*.beam") || F <- Folders]),
      catch code:ensure_modules_loaded([list_to_atom(filename:basename(F, ".beam")) || F <- Files])
    end),

    %% A control socket: "<secret>\n<expressions>" in, "ok <result>" or "no <error>" out, each with its length before
    %% it in four bytes. rabbitmqctl starts a virtual machine for every call; this answers in a millisecond.
    Evaluate = fun(Code) ->
      try
        {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Code)),
        {ok, Expressions} = erl_parse:parse_exprs(Tokens),
        case erl_eval:exprs(Expressions, []) of
          {value, Text, _} when is_binary(Text) -> [<<"ok ">>, Text];
          {value, Term, _} -> [<<"ok ">>, unicode:characters_to_binary(io_lib:format("~0tp", [Term]))]
        end
      catch
        Class:Reason -> [<<"no ">>, unicode:characters_to_binary(io_lib:format("~0tp: ~0tp", [Class, Reason]))]
      end
    end,
    Serve = fun Serve(Socket) ->
      case gen_tcp:recv(Socket, 0) of
        {ok, Request} ->
          case binary:split(Request, <<"\n">>) of
            [Secret, Code] ->
              ok = gen_tcp:send(Socket, Evaluate(Code)),
              Serve(Socket);
            _ ->
              gen_tcp:close(Socket)
          end;
        {error, _} ->
          gen_tcp:close(Socket)
      end
    end,
    spawn(fun() ->
      {ok, Interface} = inet:parse_address(Address),
      Options = [binary, {packet, 4}, {active, false}, {reuseaddr, true}, {nodelay, true}, {ip, Interface}],
      {ok, Listener} = gen_tcp:listen(Port, Options),
      Accept = fun Accept() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        Worker = spawn(fun() -> receive go -> Serve(Socket) end end),
        ok = gen_tcp:controlling_process(Socket, Worker),
        Worker ! go,
        Accept()
      end,
      Accept()
    end);
  _ ->
    ok
end.
