using System.CommandLine;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;
using DCCL.ML;
using DCCL.ML.Recommendation;
using Microsoft.ML;
using Spectre.Console;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl recommend</c>: the best items for one user.</summary>
internal static class RecommendVerb
{
    public static Command Create(ToolConsole console)
    {
        Option<string> model = VerbOptions.Model();
        Option<string> user = new("--user", "-u") { HelpName = "ID", Description = "Whom to recommend to. Somebody whom the model does not know is served by the cloud model.", Required = true };
        Option<int> count = new("--count", "-k") { HelpName = "N", Description = "How many items at most.", DefaultValueFactory = _ => 10 };
        count.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() is < 1 or > 1_000_000)
            {
                result.AddError("-k must be at least 1 and at most a million.");
            }
        });
        Option<bool> seen = new("--include-seen") { Description = "Also recommend what the user has had." };
        Option<bool> json = VerbOptions.Json();
        Command command = new("recommend", "Prints the best items for one user, with scores, and which of the models answered.") { model, user, count, seen, json };
        command.SetAction(parsed =>
        {
            MLContext ml = new(seed: 1);
            ITransformer loaded = ModelFiles.Find(parsed.GetValue(model)!).Load(ml, out _);
            using Recommender recommender = ml.DeviceCloud().CreateRecommender(loaded);
            string id = parsed.GetValue(user)!;
            IReadOnlyList<RecommendedItem> items = recommender.Recommend(
                id, parsed.GetValue(count), new RecommendationOptions { ExcludesSeen = !parsed.GetValue(seen) });
            if (parsed.GetValue(json))
            {
                WriteJson(console, id, recommender.IsKnownUser(id), items);
                return ExitCode.Success;
            }

            if (!recommender.IsKnownUser(id))
            {
                console.Note($"The model does not know the user '{id}': these are the cloud model's items for somebody without a history.");
            }

            Table table = Tables.Create(console, ["Item", "Score", "Probability", "Reason"]);
            foreach (RecommendedItem item in items)
            {
                table.AddRow(
                    new Text(item.ItemId),
                    new Text(FormattableString.Invariant($"{item.Score:F3}")),
                    new Text(FormattableString.Invariant($"{item.Probability:F3}")),
                    new Text(item.Reason.ToString()));
            }

            Tables.Print(console, table);
            return ExitCode.Success;
        });
        return command;
    }

    private static void WriteJson(ToolConsole console, string user, bool isKnown, IReadOnlyList<RecommendedItem> items) => console.WriteJson(new JsonObject
    {
        ["user"] = user,
        ["isKnown"] = isKnown,
        ["items"] = new JsonArray([.. items.Select(item => new JsonObject
        {
            ["item"] = item.ItemId,
            ["score"] = item.Score,
            ["probability"] = item.Probability,
            ["reason"] = item.Reason.ToString(),
        })]),
    });
}
