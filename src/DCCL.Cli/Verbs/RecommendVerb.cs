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
    private const int NumberOfSimilarItems = 3;

    public static Command Create(ToolConsole console, CancellationToken cancellation)
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
        Command command = new("recommend", "Prints the best items for one user, with scores, which of the models answered, and what the user has had that is like them.") { model, user, count, seen, json };
        command.SetAction(parsed =>
        {
            MLContext ml = new(seed: 1);
            ITransformer loaded = ModelFiles.Find(parsed.GetValue(model)!).Load(ml, out _);
            cancellation.ThrowIfCancellationRequested(); // what is long is the loading
            using Recommender recommender = ml.DeviceCloud().CreateRecommender(loaded);
            string id = parsed.GetValue(user)!;
            IReadOnlyList<RecommendedItem> items = recommender.Recommend(
                id, parsed.GetValue(count), new RecommendationOptions { ExcludesSeen = !parsed.GetValue(seen) });
            if (parsed.GetValue(json))
            {
                WriteJson(console, id, recommender, items);
                return ExitCode.Success;
            }

            if (!recommender.IsKnownUser(id))
            {
                console.Note($"The model does not know the user '{id}': these are the cloud model's items for somebody without a history.");
            }

            Print(console, [.. items.Select(item => (item, string.Join(", ", recommender.GetSimilarHistory(id, item.ItemId, NumberOfSimilarItems).Select(similar => similar.ItemId))))]);
            return ExitCode.Success;
        });
        return command;
    }

    // A table, or, where there is no room for one, two lines for each item.
    private static void Print(ToolConsole console, IReadOnlyList<(RecommendedItem Item, string Like)> items)
    {
        Table table = Tables.Create(console, ["Item", "Score", "Probability", "Model", "Like what the user has had"]);
        table.Columns[0].NoWrap = true;
        table.Columns[^1].NoWrap = false;
        foreach ((RecommendedItem item, string like) in items)
        {
            table.AddRow(
                new Text(ToolConsole.Escape(item.ItemId)),
                new Text(FormattableString.Invariant($"{item.Score:F3}")),
                new Text(FormattableString.Invariant($"{item.Probability:F3}")),
                new Text(item.Reason.ToString()),
                new Text(ToolConsole.Escape(like)));
        }

        if (Tables.Fits(console, table))
        {
            Tables.Print(console, table);
            return;
        }

        foreach ((RecommendedItem item, string like) in items)
        {
            console.WriteLine($"{item.ItemId} {item.Score:F3} {item.Probability:F3} {item.Reason}");
            if (like.Length > 0)
            {
                console.WriteLine($"  like {like}");
            }
        }
    }

    private static void WriteJson(ToolConsole console, string user, Recommender recommender, IReadOnlyList<RecommendedItem> items) => console.WriteJson(new JsonObject
    {
        ["user"] = user,
        ["isKnown"] = recommender.IsKnownUser(user),
        ["items"] = new JsonArray([.. items.Select(item => new JsonObject
        {
            ["item"] = item.ItemId,
            ["score"] = item.Score,
            ["probability"] = item.Probability,
            ["reason"] = item.Reason.ToString(),
            ["like"] = new JsonArray([.. recommender.GetSimilarHistory(user, item.ItemId, NumberOfSimilarItems).Select(similar => new JsonObject
            {
                ["item"] = similar.ItemId,
                ["similarity"] = similar.Similarity,
            })]),
        })]),
    });
}
